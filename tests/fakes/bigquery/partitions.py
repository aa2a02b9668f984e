"""Partitions: which rows a decorator names, and which filter a query gives of a partitioned table."""

from __future__ import annotations

from tests.fakes.bigquery.catalog import Resource, quoted
from tests.fakes.bigquery.errors import invalid

_FORMATS = {"HOUR": "%Y%m%d%H", "DAY": "%Y%m%d", "MONTH": "%Y%m", "YEAR": "%Y"}


def condition(table: Resource, decorator: str) -> str:
    """The rows of `table$decorator`, as a condition; raises `ApiError` where the table has no such partitions."""
    column = table.partition_column
    if column is None or "timePartitioning" not in table.body or not decorator.isdigit():
        raise invalid(f"Invalid partition decorator ${decorator}: the table is not partitioned so")
    written = _FORMATS[(table.body["timePartitioning"].get("type") or "DAY").upper()]
    return f"strftime({quoted(column)}, '{written}') = '{decorator}'"
