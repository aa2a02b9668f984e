"""What answers queries over what is published, whichever store holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

import polars as pl

USD_PER_TIB = Decimal("6.25")
"""Google's list price of queries on demand in the US (cloud.google.com/bigquery/pricing, as of November 2026).

Other regions have others, the first TiB of a month is free, and who buys slots pays for these instead.
"""


@dataclass(frozen=True, slots=True)
class Scan:
    """What a query read, and what of it is billed, in bytes; `cached`: an earlier answer to it was taken."""

    processed: int
    billed: int
    cached: bool


def list_price(scanned: int) -> Decimal:
    """What it costs to scan so many bytes, in USD by `USD_PER_TIB`, to the hundredth of a cent."""
    return (USD_PER_TIB * scanned / 2**40).quantize(Decimal("0.0001"))


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows, and what it took to find them; `scan` is None where no store bills."""

    rows: pl.DataFrame
    scan: Scan | None = None


class Reader(Protocol):
    """What is published, for many queries of many threads; `close` it."""

    def query(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pl.DataFrame:
        """The rows of one GoogleSQL query: NUMERIC as Decimal, TIMESTAMP as Datetime in UTC.

        Raises `InputError` with one line where the query is wrong, `StoreError` where the store does not answer it.
        """

    def answer(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Answer:
        """As `query`, with what it took."""

    def estimate(self, sql: str, parameters: Mapping[str, Any] | None = None) -> int | None:
        """How many bytes a query would read, which is not run; None where no store bills. Raises as `query` does."""

    def prepare(self, sql: str) -> None:
        """Translates a query, so that its first answer comes sooner. Raises `InputError` with one line."""

    def close(self) -> None: ...
