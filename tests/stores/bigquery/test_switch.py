"""Of several writers of one generation one is heard."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import polars as pl
import pytest

from accounting.inputs.importing import silent
from accounting.stores.bigquery.catalog import LOADS
from accounting.stores.bigquery.client import Warehouse, connect
from accounting.stores.bigquery.define import define
from accounting.stores.bigquery.ledger import generation
from accounting.stores.bigquery.switch import Moved, switch
from tests.fakes.bigquery.faults import Fault
from tests.fakes.bigquery.serving import Loopback
from tests.stores.bigquery.hosts import settings


@pytest.fixture
def warehouse(loopback: Loopback) -> Warehouse:
    made = connect(settings(loopback))
    define(made, silent)
    return made


def row(unit: str) -> dict[str, pl.DataFrame]:
    return {LOADS.name: pl.DataFrame([("usage", unit, 1)], schema=LOADS.schema, orient="row")}


def units(loopback: Loopback) -> list[str]:
    return [unit for (unit,) in loopback.sql("SELECT unit FROM gpu_store.loads ORDER BY unit")]


def test_who_looked_before_another_one_wrote_is_refused(warehouse: Warehouse, loopback: Loopback) -> None:
    assert switch(warehouse, 0, row("first")) == 1

    with pytest.raises(Moved):
        switch(warehouse, 0, row("second"))
    assert units(loopback) == ["first"]
    assert generation(warehouse) == 1
    assert switch(warehouse, 1, row("second")) == 2


def test_of_two_transactions_at_the_same_time_one_succeeds(warehouse: Warehouse, loopback: Loopback) -> None:
    heard: dict[str, bool] = {}

    def write(unit: str) -> None:
        try:
            heard[unit] = switch(warehouse, 0, row(unit)) == 1
        except Moved:
            heard[unit] = False

    with ThreadPoolExecutor(1) as other:
        loopback.faults.before_commit = lambda: other.submit(write, "beside").result(timeout=60)
        write("first")
    assert sorted(heard.values()) == [False, True]
    assert units(loopback) == [unit for unit, done in heard.items() if done]
    assert generation(warehouse) == 1


def test_a_switch_whose_answer_is_lost_is_made_once(warehouse: Warehouse, loopback: Loopback) -> None:
    loopback.faults.add(Fault("POST", "/jobs", when="after", times=3))
    assert switch(warehouse, 0, row("one")) == 1
    assert loopback.faults.happened > 0
    assert switch(warehouse, 0, row("one")) == 1  # asked again by who was killed before it knew
    assert units(loopback) == ["one"]
