"""Rows of publications that the lake has forgotten, as others took their place long ago, leave the warehouse too."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from accounting.stores.bigquery import places
from accounting.stores.bigquery.catalog import IMPORTED, LOADS
from accounting.stores.bigquery.client import Warehouse, answered
from accounting.stores.bigquery.ledger import Here, There

if TYPE_CHECKING:
    from google.cloud import bigquery


def sweep(warehouse: Warehouse, mine: Here, known: There) -> int:
    """Deletes them and returns how many publications they were of; nothing is asked where there are none.

    `known` is what the warehouse had before the push: what it brought is not forgotten. Repeated, it does no harm.
    """
    published = known.loads.filter(pl.col("table").is_in(list(IMPORTED)).not_())
    gone = published.filter(pl.col("unit").is_in(list(mine.files)).not_())
    names = sorted(set(gone["unit"]))
    if not names:
        return 0
    days = known.ledger.publications.filter(pl.col("publication").is_in(names))["day"]
    first, last = days.min(), days.max()
    assert isinstance(first, date)
    assert isinstance(last, date)
    with answered("removing replaced publications"):
        for name in sorted(set(gone["table"])):
            place = places.stored(warehouse.settings, name)
            _run(
                warehouse,
                f"DELETE FROM `{place}` WHERE day BETWEEN '{first}' AND '{last}' AND publication IN UNNEST(@gone)",
                names,
            )
        place = places.stored(warehouse.settings, LOADS.name)
        _run(warehouse, f"DELETE FROM `{place}` WHERE unit IN UNNEST(@gone)", names)
    return len(names)


def _run(warehouse: Warehouse, text: str, names: list[str]) -> bigquery.table.RowIterator:
    from google.cloud import bigquery

    config = bigquery.QueryJobConfig(query_parameters=[bigquery.ArrayQueryParameter("gone", "STRING", names)])
    return warehouse.client.query(text, job_config=config).result()
