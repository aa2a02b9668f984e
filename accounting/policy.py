"""Policies: what counts as idle and who bears it, as dated data.

The base policy stands in chipledger.toml; each file of `policies/` takes over at its `from` and inherits what it
leaves out.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from accounting.errors import InputError

IdleBearer = Literal["holder", "usage", "allocation", "evenly", "owner", "platform"]
UnallocatedBearer = Literal["owner", "usage", "allocation", "evenly", "platform"]
Duration = str | Annotated[int, Meta(ge=0)]
Name = Annotated[str, Meta(min_length=1)]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS = {"": 1_000, "ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_PPM_PER_PERCENT = 10_000


class Policy(Struct, frozen=True, kw_only=True):
    """One policy in force from `start_ms` (None: from the beginning) to the start of the next.

    `active_above_ppm` is in parts per million of one (5 percent = 50,000); `hold_ms` None means 2 × the device's
    median step.
    """

    name: str
    start_ms: int | None = None
    platform_team: str = "platform"
    active_above_ppm: int = 0
    idle_after_ms: int = 60_000
    hold_ms: int | None = None
    idle: IdleBearer = "holder"
    unallocated: UnallocatedBearer = "owner"

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of everything that changes numbers; the name does not."""
        return hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(self, name=""))).hexdigest()


class PolicyKeys(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[policy]` table as people write it; a key left out is inherited."""

    platform_team: Name | UnsetType = UNSET
    active_above: Annotated[Decimal, Meta(description="percent")] | UnsetType = UNSET
    idle_after: Duration | UnsetType = UNSET
    hold: Duration | UnsetType = UNSET
    idle: IdleBearer | UnsetType = UNSET
    unallocated: UnallocatedBearer | UnsetType = UNSET


class DatedPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file of `policies/`: `start` is its `from`, a date (midnight UTC) or a timestamp with an offset."""

    start: Any = msgspec.field(name="from")
    policy: PolicyKeys = msgspec.field(default_factory=PolicyKeys)


def base_policy(keys: PolicyKeys, where: str) -> Policy:
    """The defaults revised by `keys`; `where` names the file in errors (InputError)."""
    return _revise(Policy(name=where), keys, where)


def timeline(base: Policy, files: Iterable[tuple[str, DatedPolicy]]) -> tuple[Policy, ...]:
    """`base` and the dated policies in order of `from`, each complete; InputError where two begin at one instant."""
    dated = sorted((instant_ms(file.start, name), name, file.policy) for name, file in files)
    policies = [base]
    for start_ms, name, keys in dated:
        if policies[-1].start_ms == start_ms:
            raise InputError(f"{name}: from: the same instant as in {policies[-1].name}; merge the two files")
        named = msgspec.structs.replace(policies[-1], name=name, start_ms=start_ms)
        policies.append(_revise(named, keys, name))
    return tuple(policies)


def in_force(policies: Sequence[Policy], at_ms: int) -> int:
    """Index of the policy in force at an instant (milliseconds since the epoch)."""
    return bisect_right(policies[1:], at_ms, key=_dated_start)


def duration_ms(value: str | int, where: str) -> int:
    """A duration in milliseconds from "500ms", "60s", "5m", "1h", "1d", "0" or whole seconds; InputError otherwise."""
    match = re.fullmatch(r"(\d+)\s*(ms|s|m|h|d|)", str(value).strip(), re.ASCII)
    if match is None:
        raise InputError(f"{where}: {value!r} is not a duration; write whole seconds, or 500ms, 60s, 5m, 1h, 1d, 0")
    return int(match[1]) * _UNITS[match[2]]


def _revise(policy: Policy, keys: PolicyKeys, where: str) -> Policy:
    changed = {name: value for name, value in msgspec.structs.asdict(keys).items() if value is not UNSET}
    if "active_above" in changed:
        changed["active_above_ppm"] = _ppm(changed.pop("active_above"), f"{where}: policy.active_above")
    if "idle_after" in changed:
        changed["idle_after_ms"] = duration_ms(changed.pop("idle_after"), f"{where}: policy.idle_after")
    if "hold" in changed:
        changed["hold_ms"] = _hold_ms(changed.pop("hold"), f"{where}: policy.hold")
    return msgspec.structs.replace(policy, **changed)


def _ppm(percent: Decimal, where: str) -> int:
    ppm = percent * _PPM_PER_PERCENT
    if not percent.is_finite() or not 0 <= percent < 100 or ppm != int(ppm):
        raise InputError(f"{where}: {percent} is not a percentage; write 0 to below 100, at most four decimals")
    return int(ppm)


def _hold_ms(value: str | int, where: str) -> int | None:
    if value == "auto":
        return None
    hold = duration_ms(value, where)
    if hold == 0:
        raise InputError(f'{where}: must be longer than 0; write "auto" for twice the device\'s median step')
    return hold


def instant_ms(start: object, where: str, key: str = "from") -> int:
    """A `from` (or another key) in ms: a date (midnight UTC) or a timestamp with an offset; InputError otherwise."""
    if not isinstance(start, date):
        raise InputError(
            f"{where}: {key}: {start!r} is not a date; write 2025-02-01 or 2025-02-01T00:00:00Z, without quotes"
        )
    instant = start if isinstance(start, datetime) else datetime.combine(start, time(), tzinfo=UTC)
    if instant.tzinfo is None:
        raise InputError(f"{where}: {key}: {instant.isoformat()} has no offset; add Z or +05:30, or write a date")
    ms, rest = divmod(instant - _EPOCH, timedelta(milliseconds=1))
    if rest:
        raise InputError(
            f"{where}: {key}: {instant.isoformat()} is finer than a millisecond; write at most three decimals"
        )
    return ms


def _dated_start(policy: Policy) -> int:
    if policy.start_ms is None:
        raise ValueError(f"{policy.name}: only the first policy may have no start")
    return policy.start_ms
