"""Who is changing which table: transactions are cancelled on conflict, single statements wait."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from tests.fakes.bigquery.errors import ApiError

Table = tuple[str, str]


@dataclass(eq=False)
class Transaction:
    """One that runs: what it has changed, and the state it started from."""

    since: int
    mutated: set[Table] = field(default_factory=set)
    appended: set[Table] = field(default_factory=set)


class Ledger:
    """The transactions that run, and when each table was last changed by one that committed."""

    def __init__(self) -> None:
        self._clock = 0
        self._changed: dict[Table, int] = {}
        self._running: set[Transaction] = set()
        self._free = threading.Condition()

    def begin(self) -> Transaction:
        with self._free:
            started = Transaction(self._clock)
            self._running.add(started)
            return started

    def mutate(self, transaction: Transaction, table: Table, *, wait: bool) -> None:
        """Takes the table for UPDATE, DELETE or MERGE; raises `ApiError` on a conflict (`wait`: waits for its end)."""
        with self._free:
            if wait:
                self._free.wait_for(lambda: not self._held_by_other(transaction, table), timeout=60)
                transaction.since = self._clock
            if self._held_by_other(transaction, table) or self._changed.get(table, 0) > transaction.since:
                name = ".".join(table)
                problem = f"Transaction is aborted due to concurrent update against table {name}"
                raise ApiError(400, "invalidQuery", problem)
            transaction.mutated.add(table)

    def _held_by_other(self, transaction: Transaction, table: Table) -> bool:
        return any(table in other.mutated for other in self._running if other is not transaction)

    def end(self, transaction: Transaction, *, committed: bool) -> None:
        with self._free:
            self._running.discard(transaction)
            if committed and transaction.mutated:
                self._clock += 1
                self._changed.update(dict.fromkeys(transaction.mutated, self._clock))
            self._free.notify_all()
