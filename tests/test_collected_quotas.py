"""Quotas of queues, from what collectors tell to published rows: quota, use, and what was borrowed."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from collector.central.findings import Findings, Quoted
from tests.collected import group, quoted, stocked
from tests.test_collected import at, bring, run
from tests.test_ingest import made
from tests.test_pipeline import Ledger

HOURLY = """
SELECT FORMAT_TIMESTAMP('%H', hour), queue, cohort, flavor, accelerator, quota_seconds / 3600, used_seconds / 3600,
  borrowed_seconds / 3600
FROM quotas ORDER BY hour, queue, cohort, flavor
"""


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return made(tmp_path / "p")


def told(ledger: Ledger, source: str, *several: Quoted, name: str = "") -> None:
    bring(ledger, source, Findings(quoted=list(several)), name=name)


def published(ledger: Ledger, until: float = 4) -> list[tuple[Any, ...]]:
    """Rows of `HOURLY`, once the cluster is known to have accelerators until then."""
    bring(ledger, "prometheus", Findings(stocked=[stocked(8, at(0), at(until))]), name="stock")
    run(ledger)
    return ledger.project.query(HOURLY).rows()


def test_what_is_above_the_quota_is_borrowed_instant_by_instant(ledger: Ledger) -> None:
    """Half an hour above it and half an hour below do not make up for each other."""
    told(
        ledger,
        "prometheus",
        quoted("a", 4, 6, at(0.5), at(1.5)),
        quoted("a", 4, 0, at(1.5), at(2)),
        quoted("b", 8, 2, at(1), at(2), flavor="spot"),
        quoted("c", 0, 3, at(1), at(2), cohort=""),
    )

    assert published(ledger) == [
        ("00", "a", "all", "h100", "H100-80GB", 2, 3, 1),
        ("01", "a", "all", "h100", "H100-80GB", 4, 3, 1),
        ("01", "b", "all", "spot", "H100-80GB", 8, 2, 0),
        ("01", "c", None, "h100", "H100-80GB", 0, 3, 3),
    ]


def test_time_of_which_nothing_was_told_is_not_bridged(ledger: Ledger) -> None:
    told(ledger, "prometheus", quoted("a", 4, 4, at(0), at(0.25)), quoted("a", 4, 4, at(2.5), at(2.75)))

    assert [(row[0], row[5]) for row in published(ledger)] == [("00", 1), ("02", 1)]


def test_rounding_keeps_a_millisecond_of_one_accelerator(ledger: Ledger) -> None:
    told(ledger, "prometheus", quoted("a", 1, 2, at(0), at(0) + 1), quoted("a", 1, 1, at(0) + 1, at(0) + 2))
    published(ledger)

    found = ledger.project.query("SELECT quota_seconds, used_seconds, borrowed_seconds FROM quotas").rows()
    assert found == [(Decimal("0.002"), Decimal("0.003"), Decimal("0.001"))]


def test_of_several_sources_the_most_trusted_counts_where_it_tells(ledger: Ledger) -> None:
    told(ledger, "prometheus", quoted("a", 4, 2, at(1), at(2)))
    told(ledger, "cloud_monitoring", quoted("a", 16, 9, at(0), at(3), cohort="old"))

    assert [row[:1] + row[2:3] + row[5:7] for row in published(ledger)] == [
        ("00", "old", 16, 9),
        ("01", "all", 4, 2),
        ("02", "old", 16, 9),
    ]


@pytest.mark.parametrize("turn", [1, -1])
def test_of_one_source_that_says_two_things_the_greatest_quota_counts_then_the_greatest_use(
    ledger: Ledger, turn: int
) -> None:
    """And one said thing counts as a whole: what is borrowed is of one source's word."""
    said = [
        quoted("a", 8, 1, at(0), at(1)),
        quoted("a", 4, 6, at(0), at(2)),
        quoted("a", 4, 5, at(0), at(3)),
        quoted("a", 4, 5, at(0), at(3), cohort=""),
    ][::turn]
    for number, one in enumerate(said):
        told(ledger, "prometheus", one, name=f"c{number}")

    assert [(row[0], row[2], *row[5:]) for row in published(ledger)] == [
        ("00", "all", 8, 1, 0),
        ("01", "all", 4, 6, 2),
        ("02", "all", 4, 5, 1),
    ]


def test_flavors_and_accelerators_of_a_queue_borrow_by_themselves(ledger: Ledger) -> None:
    other = structs.replace(quoted("a", 4, 8, at(0), at(1)), group=group(pool="", accelerator="NVIDIA A100-SXM4-80GB"))
    told(ledger, "prometheus", quoted("a", 4, 1, at(0), at(1)), other, quoted("a", 1, 2, at(0), at(1), flavor="spot"))

    assert [row[3:] for row in published(ledger)] == [
        ("h100", "A100-80GB", 4, 8, 4),
        ("h100", "H100-80GB", 4, 1, 0),
        ("spot", "H100-80GB", 1, 2, 1),
    ]


def test_names_of_one_accelerator_are_one(ledger: Ledger) -> None:
    """Two collectors that name the accelerators otherwise do not make two quotas of one."""
    other = structs.replace(quoted("a", 4, 2, at(0), at(1)), group=group(pool="", accelerator="NVIDIA H100 80GB HBM3"))
    told(ledger, "prometheus", quoted("a", 4, 2, at(0), at(1)))
    told(ledger, "cloud_monitoring", other)

    assert published(ledger) == [("00", "a", "all", "h100", "H100-80GB", 4, 2, 0)]


def test_a_day_is_done_again_when_its_quotas_change_and_no_other_is(ledger: Ledger) -> None:
    bring(ledger, "prometheus", Findings(stocked=[stocked(8, at(0), at(72))]), name="stock")
    run(ledger)
    told(ledger, "prometheus", quoted("a", 4, 6, at(23), at(25)))
    run(ledger)

    days = "SELECT COUNT(*) AS times FROM publications GROUP BY day ORDER BY day"
    assert ledger.project.query(days)["times"].to_list() == [2, 2, 1]
    assert ledger.project.query("SELECT SUM(borrowed_seconds) FROM quotas").item() == Decimal(2 * 2 * 3600)

    told(ledger, "prometheus", quoted("b", 4, 5, at(30), at(31)))
    run(ledger)
    assert ledger.project.query(days)["times"].to_list() == [2, 3, 1]
    assert ledger.project.query("SELECT SUM(borrowed_seconds) FROM quotas").item() == Decimal(5 * 3600)


def test_what_is_told_again_in_other_pieces_counts_once(ledger: Ledger) -> None:
    whole = [quoted("a", 4, 6, at(0), at(2)), quoted("a", 4, 1, at(2), at(3)), quoted("b", 1, 3, at(0.5), at(2.5))]
    cuts = [at(0.2), at(1.3), at(2.2)]
    edges = [
        (one, [one.start_ms, *(c for c in cuts if one.start_ms < c < one.until_ms), one.until_ms]) for one in whole
    ]
    pieces = [structs.replace(one, start_ms=a, until_ms=b) for one, at_ms in edges for a, b in pairwise(at_ms)]
    grown = [structs.replace(one, until_ms=b) for one, at_ms in edges for b in at_ms[1:]]
    told(ledger, "prometheus", *whole)
    once = published(ledger)
    for number, several in enumerate((pieces[::-1], grown[::-1], whole)):
        told(ledger, "prometheus", *several, name=f"again-{number}")

    assert published(ledger) == once
    assert [row[5:] for row in once if row[1] == "a"] == [(4, 6, 2), (4, 6, 2), (4, 1, 0)]
