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


def touched(table: Resource, name: str, filters: list[str]) -> str:
    """The rows of all partitions with a row that the filters leave, as a condition: partitions are read whole."""
    if not filters:
        return "TRUE"
    number = _number(table)
    matching = " AND ".join(f"({one})" for one in filters)
    return f"{number} IN (SELECT DISTINCT {number} FROM {name} WHERE {matching})"


def _number(table: Resource) -> str:
    """What tells the partition of a row."""
    column = quoted(table.partition_column or "")
    if "rangePartitioning" in table.body:
        bounds = table.body["rangePartitioning"]["range"]
        return f"({column} - {int(bounds['start'])}) // {int(bounds['interval'])}"
    return f"date_trunc('{table.body['timePartitioning'].get('type') or 'DAY'}', {column})"
