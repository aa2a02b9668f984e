"""Every text of sql/ gives the same rows, in the same order and of the same types, from a lake and from BigQuery."""

from __future__ import annotations

import polars as pl
import pytest

import sql
from accounting.checks import REBUILT
from tests.stores.bigquery.fleet import Fleet
from tests.stores.bigquery.parity import FOLDERS, Compared, compared, parity


@pytest.fixture(scope="module")
def found(fleet: Fleet) -> list[Compared]:
    return list(parity(fleet))


def test_nothing_differs(found: list[Compared]) -> None:
    assert [f"{one.name}: {one.differs}" for one in found if one.differs] == []


def test_everything_is_asked(found: list[Compared]) -> None:
    names = {name for folder in ("views", "checks", *FOLDERS) for name in sql.names(folder)}
    asked = {one.name.partition(" ")[0] for one in found}

    assert names <= asked
    assert {f"rebuilt.{name}" for name in REBUILT} <= asked


def test_what_is_compared_has_rows(found: list[Compared]) -> None:
    """A check that holds has none."""
    empty = {one.name for one in found if not one.rows and not one.name.startswith("checks/")}

    assert len(empty) < len(found) / 8
    assert not {name for name in empty if name.startswith(("views/", "rebuilt"))}


@pytest.mark.parametrize(
    "theirs",
    [
        pl.DataFrame({"n": [2, 1]}),
        pl.DataFrame({"n": [1, 3]}),
        pl.DataFrame({"n": [1, 2]}, schema={"n": pl.Int32}),
        pl.DataFrame({"m": [1, 2]}),
        pl.DataFrame({"n": [1]}),
    ],
)
def test_a_difference_is_told(theirs: pl.DataFrame) -> None:
    mine = pl.DataFrame({"n": [1, 2]})

    assert compared("x", "SELECT n FROM t ORDER BY n", mine, mine).differs == ""
    assert compared("x", "SELECT n FROM t ORDER BY n", mine, theirs).differs != ""


def test_without_an_order_rows_may_come_in_any() -> None:
    assert compared("x", "SELECT n FROM t", pl.DataFrame({"n": [1, 2]}), pl.DataFrame({"n": [2, 1]})).differs == ""
