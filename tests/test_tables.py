"""Every table is stated once, and all engines make the same of it."""

from __future__ import annotations

import duckdb
import pytest

from accounting.schema import Table
from accounting.tables import ALL, CHARGE_KINDS, RESULTS, STATES

TABLES = pytest.mark.parametrize("table", ALL, ids=lambda table: table.name)


@TABLES
def test_grain_and_partition_are_columns(table: Table) -> None:
    assert {*table.grain, *table.cluster_by, *filter(None, [table.partition_by])} <= set(table.names)
    assert len(set(table.names)) == len(table.names)


@TABLES
def test_duckdb_makes_the_same_columns(table: Table) -> None:
    connection = duckdb.connect()
    connection.execute("CREATE SCHEMA store")
    connection.execute(table.create_duckdb())

    found = connection.execute(f'DESCRIBE store."{table.name}"').fetchall()
    assert [row[0] for row in found] == table.names
    assert [row[2] == "NO" for row in found] == [c.required for c in table.columns]


def test_results_are_partitioned_by_day() -> None:
    assert {t.partition_by for t in RESULTS} == {"day"}


def test_every_state_has_a_charge_kind() -> None:
    assert CHARGE_KINDS.keys() == STATES.keys()
