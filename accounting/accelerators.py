"""Names of accelerators: NVML, GKE, Slurm, DCGM, price lists and instance types, each to the one name used here."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from importlib.resources import files

import msgspec

from accounting.mig import profile


@dataclass(frozen=True, slots=True)
class Accelerator:
    """What a name stands for: `chips` is how many accelerators one unit of that name is, `memory_gib` is of one chip.

    `v4-32` is 16 chips, `a2-highgpu-8g` is 8, `g6f.xlarge` is 0.125, a MIG slice is its share; `memory_gib` is None
    where the name is not known.
    """

    name: str
    chips: Decimal = Decimal(1)
    memory_gib: int | None = None


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    memory_gib: int
    aliases: list[str] = []
    machines: dict[str, Decimal] = {}


class _TpuType(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    cores_per_chip: int


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    tpu_types: dict[str, _TpuType]
    accelerators: dict[str, _Entry]


def canonical(name: str, extra: Mapping[str, str]) -> Accelerator:
    """What `name` stands for; `extra` (alias to name, from the configuration) goes before the built-in table.

    A name that neither knows is kept as it is, as one chip of unknown memory. An alias in `extra` renames; how many
    chips one unit is stays what the built-in table says of the alias, else of its target.
    """
    found = _known(name)
    target = {_key(alias): target for alias, target in extra.items()}.get(_key(name))
    if target is None:
        return found or Accelerator(name)
    renamed = _known(target) or Accelerator(target)
    return replace(renamed, chips=found.chips) if found else renamed


def near(name: str, names: Iterable[str]) -> list[str]:
    """At most three of `names` that look like `name`, the nearest first."""
    by_key = {_key(candidate): candidate for candidate in sorted(names)}
    key = _key(name)
    within = sorted((k for k in by_key if key and (key in k or k in key)), key=len)
    return [by_key[k] for k in within[:3] or difflib.get_close_matches(key, by_key, n=3, cutoff=0.5)]


def _known(name: str) -> Accelerator | None:
    return _table().get(_key(name)) or _tpu_type(name) or _slice(name)


def _slice(name: str) -> Accelerator | None:
    """A MIG slice of a device that the name tells: the device, and how much of it."""
    cut = profile(name)
    if cut is None or cut.parent is None:
        return None
    device = _table().get(_key(cut.parent)) or Accelerator(cut.parent)
    found = cut.of(device.memory_gib)
    if found is None:
        return None
    size, share = found
    return replace(device if device.memory_gib in {None, size} else _sibling(device, cut.parent, size), chips=share)


def _sibling(device: Accelerator, family: str, memory_gib: int) -> Accelerator:
    """The accelerator of that family that has so much memory, where the family's name stands for another size."""
    fits = (a for name, a in _table().items() if name.startswith(_key(family)) and a.memory_gib == memory_gib)
    return min(fits, key=lambda a: len(a.name), default=device)


def _tpu_type(name: str) -> Accelerator | None:
    match = re.fullmatch(r"(?:tpu[-_ ]?)?(v\d+\w*?)-(\d+)", name.strip().casefold(), re.ASCII)
    kind = _file().tpu_types.get(match[1]) if match else None
    if match is None or kind is None:
        return None
    return Accelerator(kind.name, Decimal(match[2]) / kind.cores_per_chip, _file().accelerators[kind.name].memory_gib)


@cache
def _table() -> dict[str, Accelerator]:
    table: dict[str, Accelerator] = {}
    for name, entry in _file().accelerators.items():
        one = Accelerator(name, memory_gib=entry.memory_gib)
        for alias in (name, *entry.aliases):
            table[_key(alias)] = one
        for machine, count in entry.machines.items():
            table[_key(machine)] = replace(one, chips=count)
    return table


@cache
def _file() -> _File:
    return msgspec.convert(tomllib.loads(files("accounting").joinpath("accelerators.toml").read_text("utf-8")), _File)


def _key(name: str) -> str:
    return re.sub(r"[\s_-]", "", name).casefold()
