"""MIG profiles as shares of the device they are cut from."""

from __future__ import annotations

import re
from decimal import Decimal

import polars as pl

DEVICE = pl.Struct({"accelerator": pl.String(), "share": pl.Decimal(38, 9)})

_PROFILE = re.compile(r"^(?:(?P<parent>.+?)[_-])?(?P<compute>[1-7])g\.(?P<memory>\d+)gb", re.IGNORECASE)
# Memory in GB; a profile of more than its fair slices belongs to the next size.
_MEMORY = {
    "a100": (40, 80),
    "a100-40gb": (40,),
    "a100-80gb": (80,),
    "h100": (80, 94, 96),
    "h100-80gb": (80,),
    "h200": (141,),
    "b200": (180,),
    "gh200": (96, 144),
}
_MOST_SLICES = {1: 2, 2: 2, 3: 4, 4: 4, 7: 8}


def devices(types: pl.Series) -> pl.Series:
    """For gres types: the accelerator, and which share of one the type is (1 where it is a whole one)."""
    distinct = types.drop_nulls().unique()
    table = pl.DataFrame(
        [(name, *device(name)) for name in distinct],
        schema={"type": pl.String, "accelerator": pl.String, "share": pl.Decimal(38, 9)},
        orient="row",
    )
    found = pl.DataFrame({"type": types}).join(table, on="type", how="left", maintain_order="left")
    return found.select(pl.struct("accelerator", "share")).to_series()


def device(gres_type: str) -> tuple[str, Decimal]:
    """The accelerator and the share of one: max(compute ÷ 7, memory ÷ 8) where the parent is known from the name."""
    match = _PROFILE.match(gres_type)
    if match is None or match["parent"] is None:
        return gres_type, Decimal(1)
    parent = match["parent"].lower().removeprefix("nvidia_").removeprefix("nvidia-").replace("_", "-")
    compute, memory = int(match["compute"]), int(match["memory"])
    for size in _MEMORY.get(parent, ()):
        slices = round(memory * 8 / size)
        if 1 <= slices <= _MOST_SLICES.get(compute, 0):
            share = max(Decimal(compute) / 7, Decimal(slices) / 8)
            return match["parent"], share.quantize(Decimal("0.000000001"))
    return gres_type, Decimal(1)
