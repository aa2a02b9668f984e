"""Why a SKU has no price: what the nearest row of the price book needs, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from accounting.accelerators import canonical, near
from accounting.inputs.effective import effective
from accounting.project import Project

_FIELDS = ("provider", "region", "purchase")


def price_book(project: Project) -> pl.DataFrame:
    """The prices that count, accelerators under the names that are accounted."""
    prices = effective(project.lake, "prices").collect()
    names = [canonical(name, project.config.aliases).name for name in prices["accelerator"]]
    return prices.with_columns(accelerator=pl.Series("accelerator", names, dtype=pl.String))


def why(sku: Mapping[str, Any], prices: pl.DataFrame) -> str:
    """One clause. `sku`: accelerator, provider, region, purchase (NULL: not said), first_day, last_day."""
    name = sku["accelerator"]
    mine = prices.filter(pl.col("accelerator") == name).to_dicts()
    if not mine:
        matches = near(name, prices["accelerator"].unique().to_list())
        if not matches:
            return "the price book has nothing like it: chipledger import prices FILE --mapping MAP.toml"
        same = "if one of them is the same chip by another name, an alias in [accelerators]"
        return f"the price book has {', '.join(matches)}: import a price for {name}, or, {same}"
    price = min(mine, key=lambda row: (len(_unlike(row, sku)), str(row)))
    others = f" (nearest of {len(mine)})" if len(mine) > 1 else ""
    unlike = _unlike(price, sku)
    if not unlike:
        return f"its price holds {_dates(price)}{others}: import one for the other days"
    needs = " and ".join(f"{field} {price[field]}" for field in unlike)
    has = " and ".join(f"{field} {sku[field]}" for field in unlike if sku[field]) or "none"
    remedy = f"import capacity with {needs}, or a price without {' and '.join(unlike)}"
    return f"the price of {name}{others} needs {needs}, the capacity has {has}: {remedy}"


def _unlike(price: Mapping[str, Any], sku: Mapping[str, Any]) -> list[str]:
    return [field for field in _FIELDS if price[field] is not None and price[field] != sku[field]]


def _dates(price: Mapping[str, Any]) -> str:
    bounds = (("from", price["start_ms"]), ("until", price["end_ms"]))
    return " ".join(f"{word} {_day(ms)}" for word, ms in bounds if ms is not None)


def _day(ms: int) -> date:
    return datetime.fromtimestamp(ms / 1000, UTC).date()
