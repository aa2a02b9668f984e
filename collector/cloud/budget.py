"""What reading has cost: series returned, by calendar month, against a budget."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec import Struct

from collector.central.findings import Unanswered
from collector.cloud.config import CloudMonitoring


class Spent(Struct):
    """How many series were returned in a month (UTC, `YYYY-MM`)."""

    month: str = ""
    series: int = 0


class Budget:
    """Counts up; a month that has begun starts at nothing. What the project's other readers are charged is not seen."""

    def __init__(self, config: CloudMonitoring) -> None:
        self._config = config
        self.spent = Spent()

    def begin(self, now_ms: int) -> None:
        """Time has come to `now_ms`; raises `Unanswered` where the month's budget is used up."""
        month = f"{datetime.fromtimestamp(now_ms / 1000, UTC):%Y-%m}"
        if month > self.spent.month:
            self.spent = Spent(month)
        if self._config.budget and self.dollars >= self._config.budget:
            raise Unanswered(
                f"projects/{self._config.project}: the budget of ${self._config.budget:,.2f} for {month} is used up "
                f"({self.spent.series:,} series); read on next month, or raise `budget`"
            )

    def count(self, series: int) -> None:
        """So many more were returned."""
        self.spent.series += series

    def recall(self, spent: Spent) -> None:
        """What an earlier run had counted; what was counted since stays, as it was charged."""
        if (spent.month, spent.series) > (self.spent.month, self.spent.series):
            self.spent = Spent(spent.month, spent.series)

    @property
    def dollars(self) -> float:
        """About; the free series of the billing account are taken to be this project's alone."""
        charged = max(0.0, self.spent.series / 1e6 - self._config.free_million)
        return charged * self._config.price_per_million

    def __str__(self) -> str:
        cap = f" of ${self._config.budget:,.2f}" if self._config.budget else ""
        return (
            f"{self.spent.series:,} series returned, about ${self.dollars:,.2f}{cap} this month "
            f"(at ${self._config.price_per_million:g} a million after the first {self._config.free_million:g} million: "
            "what others report of Google's prices, not Google's word)"
        )
