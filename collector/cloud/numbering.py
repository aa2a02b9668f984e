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

    An id that a chip has is that chip's; else the k-th id goes to the k-th chip that has none. With more ids at once
    than chips, the ids are chips that nothing else tells of.
    """
    for duty in sorted(ids - set(host.duties), key=_natural):
        if duty in host.chips:
            _swap(host, host.chips.index(duty), duty)
        elif "" in host.duties:
            host.duties[host.duties.index("")] = duty
        else:
            _replace(host, duty, ids)


def _swap(host: Host, at: int, duty: str) -> None:
    other, host.duties[at] = host.duties[at], duty
    if other and "" in host.duties:
        host.duties[host.duties.index("")] = other
    elif other:
        host.chips.append(other)
        host.duties.append(other)


def _replace(host: Host, duty: str, ids: set[str]) -> None:
    """Numbers change when a host boots: an id that is gone gives way."""
    gone = next((k for k, other in enumerate(host.duties) if other not in ids), None)
    if gone is None:
        host.chips.append(duty)
        host.duties.append(duty)
    else:
        host.duties[gone] = duty


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]
