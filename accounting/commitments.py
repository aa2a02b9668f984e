"""`[[commitment]]` of chipledger.toml: what was promised to a provider, for how much, and who promised it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal

from msgspec import Struct, field

from accounting.accelerators import canonical
from accounting.core.commitments import Commitment
from accounting.core.rounding import NANO
from accounting.core.steps import PPM
from accounting.errors import InputError
from accounting.policy import instant_ms

CommitmentKind = Literal["resource", "spend", "reservation"]
_MOST = Decimal(10) ** 6


class CommitmentTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One commitment, `from` inclusive and `to` exclusive; `prices` are of an accelerator and hour that it covers.

    A resource and a reservation are of `quantity` accelerators of one kind, spend is of an amount `per_hour`. It
    covers what was bought as `purchase`; without `owner` all share what it saves, and the platform bears the rest.
    """

    id: str
    kind: CommitmentKind
    provider: str
    start: Any = field(name="from")
    end: Any = field(name="to")
    prices: dict[str, Decimal]
    region: str | None = None
    purchase: str = "on_demand"
    quantity: Decimal | None = None
    per_hour: Decimal | None = None
    owner: str | None = None


def commitments(tables: Sequence[CommitmentTable], aliases: Mapping[str, str], file: str) -> tuple[Commitment, ...]:
    """In order of ids. Raises `InputError` naming file, table and key."""
    found: dict[str, Commitment] = {}
    for number, one in enumerate(tables, 1):
        where = f"{file}: commitment {one.id or number}"
        if not one.id.strip() or one.id in found:
            raise InputError(f"{where}: id: {'another one has it' if one.id else 'is empty'}: each has its own")
        found[one.id] = _commitment(one, aliases, where)
    return tuple(found[name] for name in sorted(found))


def _commitment(one: CommitmentTable, aliases: Mapping[str, str], where: str) -> Commitment:
    start, end = instant_ms(one.start, where), instant_ms(one.end, where, "to")
    if end <= start:
        raise InputError(f"{where}: to: it ends before it begins")
    prices: dict[str, int] = {}
    for name, price in one.prices.items():
        known = canonical(name, aliases)
        if known.chips != 1 or known.name in prices:
            raise InputError(f"{where}: prices.{name}: write the price of one {known.name}, once")
        prices[known.name] = _exact(price, NANO, f"{where}: prices.{name}")
    return Commitment(
        one.id,
        one.kind,
        one.provider,
        one.region,
        one.purchase,
        tuple(sorted(prices.items())),
        _amount(one, where),
        start,
        end,
        one.owner,
    )


def _amount(one: CommitmentTable, where: str) -> int:
    spend = one.kind == "spend"
    wanted, other = ("per_hour", "quantity") if spend else ("quantity", "per_hour")
    value = getattr(one, wanted)
    if value is None or getattr(one, other) is not None:
        raise InputError(f"{where}: {wanted}: a commitment of kind {one.kind} has `{wanted}`, and no `{other}`")
    if not one.prices or (not spend and len(one.prices) > 1):
        raise InputError(f"{where}: prices: write {'at least one price' if spend else 'the price of one accelerator'}")
    return _exact(value, NANO if spend else PPM, f"{where}: {wanted}")


def _exact(value: Decimal, unit: int, where: str) -> int:
    """A number above zero in units; those have to be enough for all its decimals."""
    if not value.is_finite() or not 0 < value <= _MOST:
        raise InputError(f"{where}: {value} is not above 0 and at most {_MOST:,}")
    units = value * unit
    if units != int(units):
        raise InputError(f"{where}: {value} has more than {len(str(unit)) - 1} decimals: round it")
    return int(units)
