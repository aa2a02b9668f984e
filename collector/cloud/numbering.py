"""Which chip a duty cycle is of: TPUs' duty cycles come under other numbers than all else, and not of every chip."""

from __future__ import annotations

import re
from collections.abc import Iterable

from collector.cloud.memory import Host


def enroll(host: Host, ids: Iterable[str]) -> None:
    """The host has these chips; those that are new come after the others."""
    new = sorted(set(ids) - set(host.chips), key=_natural)
    host.chips.extend(new)
    host.duties.extend([""] * len(new))


def assign(host: Host, ids: set[str]) -> None:
    """Gives each id a chip of its own, so that what a host's chips did adds up: once given, it stays.

    An id that a chip has is that chip's; else the k-th id goes to the k-th chip of its instance that has none. With
    more ids at once than chips, the ids are chips that nothing else tells of.
    """
    new = sorted(ids - set(host.duties), key=_natural)
    for duty in sorted(new, key=lambda duty: duty not in host.chips):
        at = _slot(host, duty, ids)
        if at is None:
            host.chips.append(duty)
            host.duties.append(duty)
        else:
            host.duties[at] = duty


def instance(chip: str) -> str:
    """The machine in an id `<instance>-<chip>`: a node keeps its name when another machine takes its place."""
    return chip.rpartition("-")[0]


def _slot(host: Host, duty: str, ids: set[str]) -> int | None:
    """The chip for a new id: its own, one that has none, or one whose id is gone, as when a host boots."""
    mine = [k for k, chip in enumerate(host.chips) if instance(chip) == instance(duty)]
    own = [k for k in mine if host.chips[k] == duty and host.duties[k] not in ids]
    empty = [k for k in mine if not host.duties[k]]
    gone = [k for k in mine if host.duties[k] not in ids]
    return next(iter((*own, *empty, *gone)), None)


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]
