"""How the warehouse stands beside the lake."""

from __future__ import annotations

from dataclasses import dataclass

from accounting.config import BigQueryTable
from accounting.stores.bigquery.client import connect
from accounting.stores.bigquery.define import format_of
from accounting.stores.bigquery.difference import Foreign, difference
from accounting.stores.bigquery.ledger import here, there
from accounting.stores.lake import Lake


@dataclass(frozen=True, slots=True)
class Standing:
    """`format` is None where nothing is defined yet; `imports` and `days` (cluster-days) wait for a push.

    `foreign` says what the warehouse has and the lake has not; '': nothing.
    """

    place: str
    format: int | None = None
    generation: int = 0
    imports: int = 0
    days: int = 0
    foreign: str = ""

    @property
    def behind(self) -> bool:
        return self.format is None or bool(self.imports or self.days)

    def __str__(self) -> str:
        if self.format is None:
            return f"{self.place}: nothing is there yet"
        if self.foreign:
            return f"{self.place}: {self.foreign}"
        waits = f"{self.imports:,} imports and {self.days:,} cluster-days of the lake are not there yet"
        state = waits if self.behind else "has all of the lake"
        return f"{self.place}, format {self.format}, generation {self.generation}: {state}"


def standing(lake: Lake, settings: BigQueryTable) -> Standing:
    """Asks without a query, so nothing is billed. Raises `StoreError` where BigQuery cannot be reached or is newer."""
    place, warehouse = f"{settings.project}.{settings.dataset}", connect(settings)
    known = format_of(warehouse)
    if known is None:
        return Standing(place)
    their = there(warehouse)
    try:
        waiting = difference(here(lake), their)
    except Foreign as error:
        return Standing(place, known, their.generation, foreign=str(error))
    return Standing(place, known, their.generation, waiting.imports.height, waiting.publications.height)
