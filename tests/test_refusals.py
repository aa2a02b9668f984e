"""What a run refuses: one altered, missing or repeated figure in what it is about to publish."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal

import polars as pl
import pytest

from accounting import checks, pipeline, plan
from accounting.config import load_config, write_project
from accounting.core.account import account
from accounting.core.partition import Results
from accounting.inbox import open_inbox
from accounting.ingest import ingest
from accounting.inventory import Inventory, Span, partition
from accounting.stores.lake import Lake
from accounting.tables import RESULTS
from collector.central.findings import Findings
from tests.collected import HOUR, counted, pod, put, quoted
from tests.segments import MIDNIGHT
from tests.test_pipeline import FILES, JOBS, Ledger, staged_failures

ALTERED = [
    ("usage", "device_seconds", "0.001"),
    ("charges", "device_seconds", "0.001"),
    ("charges", "cost", "0.000000001"),
    ("capacity", "stated_seconds", "0.001"),
    ("capacity", "raised_seconds", "0.001"),
    ("workloads", "quantity", "0.000001"),
    ("prices", "price_per_hour", "0.000000001"),
    ("faults", "device_seconds", "1"),
    ("serving", "output_tokens", "1"),
    ("quotas", "quota_seconds", "0.001"),
    ("quotas", "used_seconds", "0.001"),
    ("quotas", "borrowed_seconds", "0.001"),
]


Alter = Callable[[str, pl.DataFrame], pl.DataFrame]


@dataclass(frozen=True)
class Accounted:
    """A run up to the point where its rows are staged."""

    ledger: Ledger
    inventory: Inventory
    spans: list[Span]
    todo: list[plan.Day]
    results: Results

    def failures(self, alter: Alter) -> list[checks.Failure]:
        """What the checks find in rows that were altered before they were staged."""
        altered = Results(*(alter(t.name, getattr(self.results, t.name)) for t in RESULTS))
        config = load_config(self.ledger.folder)
        return staged_failures(config, self.inventory, self.spans, self.todo, altered)


BROKEN = pl.DataFrame({"device_id": ["d1"], "start_ms": [1738281600000], "end_ms": [1738324800000]})
"""From midnight of January 31st to noon; a job holds the device to two."""


@pytest.fixture(scope="module")
def accounted(tmp_path_factory: pytest.TempPathFactory) -> Accounted:
    """With a broken device, and without fractions of one, where checks allow a rounding."""
    ledger = Ledger(tmp_path_factory.mktemp("whole") / "ledger")
    config = load_config(write_project(ledger.folder))
    Lake.create(config.lake)
    jobs = "".join(line for line in JOBS.splitlines(keepends=True) if not line.startswith("part"))
    for kind, text in (FILES | {"jobs": jobs}).items():
        ledger.bring(kind, text)
    served = [counted(pod("a"), "m", MIDNIGHT + h * HOUR, MIDNIGHT + (h + 1) * HOUR, output_tokens=7) for h in (1, 5)]
    queues = [
        quoted("a", 4, 7, MIDNIGHT + HOUR // 3, MIDNIGHT + 26 * HOUR + 17),
        quoted("0", 0, 0, MIDNIGHT, MIDNIGHT + HOUR),
        quoted("b", 4, 1, MIDNIGHT, MIDNIGHT + 2 * HOUR, cohort=""),
    ]
    put(ledger.folder / "inbox", "prometheus", Findings(counted=served, quoted=queues), cluster="default")
    ingest(ledger.lake, open_inbox("inbox", ledger.folder), MIDNIGHT + 1000 * HOUR)
    inventory, spans, todo, _ = pipeline.pending(config)
    start, end, halo = todo[0].start, todo[-1].start + 86_400_000, plan.halo_ms(config.policies)
    imported = partition(inventory, spans[0], start, end, config.policies, config.zones, halo)
    results = account(replace(imported, health=BROKEN))
    return Accounted(ledger, inventory, spans, todo, results)


def test_rows_as_they_are_pass(accounted: Accounted) -> None:
    assert accounted.failures(lambda name, frame: frame) == []


@pytest.mark.parametrize(("table", "column", "amount"), ALTERED)
@pytest.mark.parametrize("row", [0, -1])
def test_one_altered_amount_is_seen(accounted: Accounted, table: str, column: str, amount: str, row: int) -> None:
    def alter(name: str, frame: pl.DataFrame) -> pl.DataFrame:
        if name != table:
            return frame
        told = frame.with_row_index().filter(pl.col(column).is_not_null())["index"]
        more = pl.when(pl.int_range(pl.len()) == told[row]).then(pl.lit(amount).str.to_decimal(scale=9)).otherwise(0)
        return frame.with_columns((pl.col(column) + more).cast(frame.schema[column]).alias(column))

    assert accounted.failures(alter)


@pytest.mark.parametrize("table", [t.name for t in RESULTS])
def test_one_missing_row_is_seen(accounted: Accounted, table: str) -> None:
    assert accounted.failures(lambda name, frame: frame[1:] if name == table else frame)


@pytest.mark.parametrize("table", [t.name for t in RESULTS])
def test_one_repeated_row_is_seen(accounted: Accounted, table: str) -> None:
    assert accounted.failures(lambda name, frame: pl.concat([frame, frame[:1]]) if name == table else frame)


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("charges", "team", "red"),
        ("charges", "owner_team", "red"),
        ("charges", "borne_by_rule", "overhead:usage"),
        ("charges", "charge_kind", "usage"),
        ("usage", "busy_seconds", Decimal(1)),
        ("usage", "capacity_owner", "red"),
        ("usage", "state", "allocated_active"),
    ],
)
def test_one_altered_word_of_a_broken_device_is_seen(
    accounted: Accounted, table: str, column: str, value: object
) -> None:
    def alter(name: str, frame: pl.DataFrame) -> pl.DataFrame:
        if name != table:
            return frame
        broken = pl.int_range(pl.len()) == (frame["state"] == "unhealthy").arg_max()
        altered = pl.when(broken).then(pl.lit(value, frame.schema[column])).otherwise(column)
        return frame.with_columns(altered.alias(column))

    assert "unhealthy" in accounted.results.charges["state"]
    assert accounted.failures(alter)


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("usage", "workload_id", "somebody"),
        ("usage", "state", "unallocated_free"),
        ("usage", "hour", datetime(2025, 3, 1, tzinfo=UTC)),
        ("usage", "team", "somebody"),
        ("usage", "price_id", "price-of-nothing"),
        ("charges", "workload_id", "somebody"),
        ("charges", "charge_kind", "overhead"),
        ("charges", "team", "somebody"),
        ("capacity", "pool", "elsewhere"),
        ("workloads", "workload_id", "somebody"),
        ("prices", "currency", "EUR"),
        ("faults", "fault", "something"),
        ("quotas", "queue", "another"),
        ("quotas", "cohort", "another"),
        ("quotas", "flavor", "another"),
        ("quotas", "hour", datetime(2025, 3, 1, tzinfo=UTC)),
    ],
)
def test_one_altered_word_is_seen(accounted: Accounted, table: str, column: str, value: object) -> None:
    def alter(name: str, frame: pl.DataFrame) -> pl.DataFrame:
        if name != table:
            return frame
        first = pl.int_range(pl.len()) == (frame[column] != value).fill_null(False).arg_max()
        return frame.with_columns(
            pl.when(first).then(pl.lit(value, frame.schema[column])).otherwise(column).alias(column)
        )

    assert accounted.failures(alter)
