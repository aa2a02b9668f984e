"""What views cost to ask: the bytes that they scan, by dry runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from accounting.stores.bigquery.client import Warehouse
from accounting.stores.bigquery.session import ask, estimate, to_bigquery
from accounting.stores.engine import views

_MONTH = """
SELECT DATE_TRUNC(MAX(live.day), MONTH) AS first, LAST_DAY(MAX(live.day)) AS last
FROM live_publications AS live
"""


@dataclass(frozen=True, slots=True)
class ViewCost:
    """What `SELECT *` of a view scans, in bytes: of all days, and of one month.

    `month` is its first day; None where the view has no `day`, or nothing is published.
    """

    view: str
    all_bytes: int
    month: date | None = None
    month_bytes: int | None = None


def costs(warehouse: Warehouse) -> list[ViewCost]:
    """The cost of every view, for the last month published, as things are now; raises `StoreError`.

    Dry runs are free; the one query that finds the month is billed at Google's least amount.
    """
    bounds = ask(warehouse, to_bigquery(_MONTH, warehouse.settings))[0].row(0, named=True)
    return [_cost(warehouse, name, bounds["first"], bounds["last"]) for name in sorted(views())]


def _cost(warehouse: Warehouse, name: str, first: date | None, last: date | None) -> ViewCost:
    text = f"SELECT * FROM {name}"
    scanned = estimate(warehouse, to_bigquery(text, warehouse.settings))
    if first is None or "day" not in views()[name]:
        return ViewCost(name, scanned)
    month = f"{text} WHERE day BETWEEN DATE '{first}' AND DATE '{last}'"
    return ViewCost(name, scanned, first, estimate(warehouse, to_bigquery(month, warehouse.settings)))
