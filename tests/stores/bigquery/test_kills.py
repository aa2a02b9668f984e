"""`chipledger copy --to bigquery`, killed at any instant and run again: the rows of a quiet run, each loaded once."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as bounds
from hypothesis import strategies as st

from accounting.errors import StoreError
from accounting.inputs.importing import silent
from accounting.simulate.demo import Plan, build_demo
from accounting.stores.bigquery.define import define
from accounting.stores.bigquery.places import SUFFIXES
from tests.fakes.bigquery.faults import Fault, When
from tests.fakes.bigquery.serving import Loopback, serve
from tests.stores.bigquery.hosts import Host, copied, differing, loads_twice, settings, shown
from tests.test_pipeline import FILES, Ledger

ROOT = Path(__file__).parents[3]
COMMAND = [sys.executable, "-c", "from chipledger.command import main; main()"]
SEED = 20_250_101


def push(folder: Path, after: float | None = None) -> bool:
    """Runs the command, or kills it after so many seconds; whether it was killed in time."""
    child = subprocess.Popen(
        [*COMMAND, "--config", str(folder), "copy", "--to", "bigquery"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True, text=True,
    )  # fmt: skip
    try:
        _, said = child.communicate(timeout=after)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.communicate()
        return True
    assert child.returncode == 0, said
    return False


def kills(ledger: Ledger, folder: Path, loopback: Loopback, count: int, lost: float = 0) -> int:
    """Pushes lakes that kills interrupt until one comes through, with `count` kills in all; how many hit a command.

    The answer to a request that changes something is `lost` with that probability; tables are there then.
    """
    chance, hit, number = random.Random(SEED), 0, 0
    rows = _quiet(ledger, folder, loopback)
    seconds = _seconds(ledger, folder, loopback, lost)
    while hit < count:
        number += 1
        one = copied(ledger, folder / f"k{number}", settings(loopback, f"k{number}"))
        if lost:
            define(one.warehouse, silent)
        _lose(loopback, lost)
        while push(one.ledger.folder, chance.uniform(0.3 * seconds, 1.05 * seconds)):
            hit += 1
            _counts_in_whole(loopback, f"k{number}")
        loopback.faults.clear()
        _examine(one, loopback, f"k{number}")
        assert shown(one.warehouse) == rows
        shutil.rmtree(one.ledger.folder)
        for suffix in SUFFIXES.values():
            one.warehouse.client.delete_dataset(f"k{number}{suffix}", delete_contents=True)
    return hit


def _lose(loopback: Loopback, lost: float) -> None:
    loopback.faults.add(Fault("POST|PUT|PATCH", when="after", probability=lost, times=1 << 30))


def _quiet(ledger: Ledger, folder: Path, loopback: Loopback) -> dict[str, list[tuple[object, ...]]]:
    one = copied(ledger, folder / "quiet", settings(loopback, "quiet"))
    assert not push(one.ledger.folder)
    _examine(one, loopback, "quiet")
    return shown(one.warehouse)


def _seconds(ledger: Ledger, folder: Path, loopback: Loopback, lost: float) -> float:
    """How long a push takes that nobody kills."""
    one = copied(ledger, folder / "whole", settings(loopback, "whole"))
    if lost:
        define(one.warehouse, silent)
    _lose(loopback, lost)
    began = time.monotonic()
    assert not push(one.ledger.folder)
    loopback.faults.clear()
    return time.monotonic() - began


def _counts_in_whole(loopback: Loopback, dataset: str) -> None:
    """Everything counts, or nothing: the lake is pushed by one switch."""
    if (f"{dataset}_store",) not in loopback.sql("SELECT schema_name FROM information_schema.schemata"):
        return
    names = {name for (name,) in loopback.sql(
        f"SELECT table_name FROM information_schema.tables WHERE table_schema = '{dataset}_store'"
    )}  # fmt: skip
    if not {"imports", "publications"} <= names:
        return
    # In one statement: the job of the killed command may end just now.
    ((imports, days),) = loopback.sql(
        f"SELECT (SELECT COUNT(*) FROM {dataset}_store.imports WHERE state <> 'staging'),"
        f" (SELECT COUNT(*) FROM {dataset}_store.publications)"
    )
    assert (imports == 0) == (days == 0)


def _examine(one: Host, loopback: Loopback, dataset: str) -> None:
    assert differing(one) == []
    assert loads_twice(loopback, dataset) == []
    loads = {name: n for name, n in loopback.loads.items() if name.startswith(f"{dataset}_store.")}
    units = loopback.sql(f'SELECT "table", COUNT(*) FROM {dataset}_store.loads GROUP BY ALL')
    assert loads == {f"{dataset}_store.{table}": n for table, n in units}


def test_a_killed_push_goes_on(ledger: Ledger, loopback: Loopback, tmp_path: Path) -> None:
    assert kills(ledger, tmp_path, loopback, 3) >= 3


@pytest.mark.soak
def test_the_demo_survives_fifty_kills_while_answers_are_lost(loopback: Loopback, tmp_path: Path) -> None:
    plan = Plan(devices=24, days=3, until=date(2026, 11, 23), seed=7, interval=60)
    build_demo(plan, tmp_path / "demo", silent)
    assert kills(Ledger(tmp_path / "demo"), tmp_path, loopback, 50, lost=0.4) >= 50


CHANGES = {"jobs": ("burst", "b{}"), "prices": ("2.5,", "{}.5,"), "capacity": (",4,", ",{},")}
STEPS = st.lists(
    st.sampled_from(["jobs", "prices", "capacity", "undo", "run", "push", "broken", "broken"]), min_size=3, max_size=8
)


@bounds(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, seed=st.integers(0, 1 << 16))
def test_any_order_of_work_and_broken_pushes_ends_in_the_lakes_rows(
    ledger: Ledger, tmp_path_factory: pytest.TempPathFactory, steps: list[str], seed: int
) -> None:
    chance = random.Random(seed)
    with serve() as loopback:
        one = copied(ledger, tmp_path_factory.mktemp("order") / "p", settings(loopback))
        for number, step in enumerate(steps):
            _take(one, loopback, step, number, chance)
        one.push()
        assert differing(one) == []
        assert loads_twice(loopback) == []
        assert sum(loopback.loads.values()) >= len(loopback.sql("SELECT 1 FROM gpu_store.loads"))


def _take(one: Host, loopback: Loopback, step: str, number: int, chance: random.Random) -> None:
    if step in CHANGES:
        old, new = CHANGES[step]
        one.ledger.bring(step, FILES[step].replace(old, new.format(number + 3)), source="list")
    elif step == "undo":
        one.lake.undo_import(chance.choice(one.lake.imports(live_only=True)).seq)
    elif step == "run":
        one.ledger.run()
    elif step == "push":
        one.push()
    else:
        _broken(one, loopback, chance)


def _broken(one: Host, loopback: Loopback, chance: random.Random) -> None:
    """A push that ends at some request, before or after it is done, as if it were killed there."""
    when: When = chance.choice(["before", "after"])
    loopback.faults.add(
        Fault("POST|PUT", code=403, reason="accessDenied", when=when, probability=chance.uniform(0.1, 0.9))
    )
    with suppress(StoreError):
        one.push()
    loopback.faults.clear()
