"""What the codes in a partition's rows stand for."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from accounting.core.partition import Partition
from accounting.core.places import LOT, Site
from accounting.core.pricing import Price
from accounting.core.ticks import Ticks


@dataclass(frozen=True, slots=True)
class Setting:
    """The tables that rows refer to: pools and lots (`site`), `places`, holders (`identities`), `ticks` and prices."""

    partition: Partition
    site: Site
    places: pl.DataFrame
    identities: pl.DataFrame
    ticks: Ticks

    @property
    def book(self) -> tuple[Price, ...]:
        return self.ticks.book

    @property
    def cluster(self) -> pl.Expr:
        return pl.lit(self.partition.cluster)

    def lots(self, codes: pl.Series) -> pl.DataFrame:
        """Provider, region, purchase and owner of each lot."""
        return self.site.lots.select(LOT)[codes]

    def pools(self, stated: str) -> list[int]:
        """The pools whose capacity is `stated`, a `mismatch`, or `none`."""
        return self.site.pools.filter(pl.col("stated") == stated)["pool"].to_list()

    def nano(self, prices: pl.Series) -> pl.Series:
        """Price per hour in nano-units of each row of the book; NULL: unpriced."""
        if not self.book:
            return pl.Series([None] * prices.len(), dtype=pl.Int64)
        return pl.Series([p.nano for p in self.book], dtype=pl.Int64).gather(prices)
