"""Accelerators by type: of jobs as TRES, of nodes as gres."""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct

UNTYPED = "gpu"
"""The accelerator whose type nobody tells; an import of sacct calls it so too."""

_TRES = re.compile(r"(?:^|,)gres/(gpu(?::[^=,]+)?)=(\d+)")
_GRES = re.compile(r"(?:^|,)(gpu|shard|mps)(?::([^:,()=]+?))?:(\d+)(?=[,(]|$)")


class Tres(Struct):
    """One entry of a job's `tres` in sacct's JSON."""

    type: str
    name: str | None = None
    count: int | None = None


def of_text(text: str | None) -> dict[str, int]:
    """Accelerators by type of `cpu=8,gres/gpu:a100=2,gres/gpu=4`."""
    return _held({name: int(count) for name, count in _TRES.findall(text or "")})


def of_entries(entries: Iterable[Tres]) -> dict[str, int]:
    """Accelerators by type of the same as sacct's JSON has it."""
    return _held(
        {e.name: e.count or 0 for e in entries if e.type == "gres" and e.name and re.fullmatch("gpu(:.+)?", e.name)}
    )


def _held(counts: dict[str, int]) -> dict[str, int]:
    """`gpu` counts those of every type: what the types leave of it has none."""
    rest = counts.pop(UNTYPED, 0) - sum(counts.values())
    held = {name.partition(":")[2]: count for name, count in counts.items()} | {UNTYPED: rest}
    return {name: count for name, count in held.items() if count > 0}


def of_node(text: str | None) -> dict[str, int]:
    """Accelerators by type of `gpu:a100:8(S:0-1),gpu:1g.10gb:7`."""
    found: dict[str, int] = {}
    for name, kind, count in _GRES.findall(text or ""):
        if name == "gpu" and int(count):
            found[kind or UNTYPED] = found.get(kind or UNTYPED, 0) + int(count)
    return found


def parts_of_node(text: str | None) -> set[str]:
    """Which of shard and mps a node has: parts of its devices, which are not told."""
    return {name for name, _, _ in _GRES.findall(text or "")} - {"gpu"}
