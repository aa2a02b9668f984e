"""Closing a month: what it needs, what it fixes, and what comes to be known of it later."""

from __future__ import annotations

import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing as closed_after
from contextlib import suppress
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounting.close import close, reopen
from accounting.core.ledger import digest
from accounting.errors import ChipledgerError, InputError
from accounting.inputs.importing import silent
from accounting.periods import period
from accounting.stores import closing
from accounting.verify import verified
from tests.test_pipeline import FILES, NOW, Ledger

JANUARY, FEBRUARY = "2025-01", "2025-02"
LATE = """workload_id,team,pool,accelerator,quantity,start,end
late,blue,train,H100-80GB,1,2025-01-31T20:00:00Z,2025-01-31T22:00:00Z
"""


def shut(ledger: Ledger, month: str) -> None:
    close(ledger.project, month, NOW, silent)


def charges(ledger: Ledger, where: str = "TRUE") -> pl.DataFrame:
    return ledger.project.query(f"SELECT * FROM charges WHERE {where} ORDER BY charge_id")


def cost(frame: pl.DataFrame) -> Decimal:
    return sum(frame["cost"].drop_nulls().to_list(), Decimal(0))


def test_a_closed_month_is_what_was_published(ledger: Ledger) -> None:
    before = charges(ledger).drop("publication")
    shut(ledger, JANUARY)

    assert charges(ledger).drop("publication").equals(before)
    january = charges(ledger, f"month = '{JANUARY}'")
    stands = period(ledger.project, JANUARY)
    assert not stands.open
    assert [s.number for s in stands.statements] == list(range(1, len(stands.statements) + 1))
    assert {s.team for s in stands.statements} == set(january["team"])
    assert sum(s.amount for s in stands.statements) == cost(january).quantize(Decimal("0.01"))
    (row,) = ledger.project.query(f"SELECT * FROM periods WHERE month = '{JANUARY}'").to_dicts()
    assert (row["state"], row["rows"], row["cost"]) == ("closed", january.height, cost(january))
    assert row["rows_sha256"] == digest(january)
    assert verified(ledger.lake) == []


def test_what_cannot_be_closed_says_why(ledger: Ledger) -> None:
    for month, words in (
        (FEBRUARY, f"{JANUARY} is open: close it before {FEBRUARY}"),
        ("2025-03", f"there are no charges in 2025-03: there are some in {JANUARY}, {FEBRUARY}"),
    ):
        with pytest.raises(InputError, match=words):
            shut(ledger, month)
    with pytest.raises(InputError, match=r"2025-01 is not over: it ends 2025-02-01 08:00:00Z"):
        close(ledger.project, JANUARY, 1_738_367_999_999, silent)
    ledger.bring("jobs", LATE)
    with pytest.raises(InputError, match=r"1 cluster-days near 2025-01 wait for a run"):
        shut(ledger, JANUARY)
    ledger.run()
    shut(ledger, JANUARY)
    with pytest.raises(InputError, match=r"2025-01 is closed already, since 2025-06-15"):
        shut(ledger, JANUARY)


def test_nothing_is_closed_at_zero(ledger: Ledger) -> None:
    unknown = LATE.replace("H100-80GB", "B200").replace("train", "new")
    ledger.bring("jobs", unknown)
    ledger.run()
    with pytest.raises(InputError, match=r"has 2\.000 hours without a price, the first of B200"):
        shut(ledger, JANUARY)
    assert closing.closes(ledger.lake) == []


def test_what_comes_late_is_a_correction_in_the_open_month(ledger: Ledger) -> None:
    shut(ledger, JANUARY)
    january = charges(ledger, f"month = '{JANUARY}'")
    files = {
        f.path: (ledger.lake.folder / f.path).read_bytes() for f in ledger.lake.known_files() if f.table == "ledger"
    }
    ledger.bring("jobs", LATE)
    report = ledger.run()

    assert charges(ledger, f"month = '{JANUARY}'").equals(january)
    assert all((ledger.lake.folder / path).read_bytes() == content for path, content in files.items())
    lines = charges(ledger, "charge_kind = 'correction'")
    assert set(lines["month"]) == {FEBRUARY}
    assert [(c["month"], c["lines"], c["cost"]) for c in report.corrections] == [(FEBRUARY, lines.height, cost(lines))]
    blue = lines.filter(workload_id="late")
    assert (blue["day"][0].isoformat(), blue["cost"][0], blue["device_seconds"][0]) == (
        "2025-01-31",
        Decimal("2.5"),
        7200,
    )
    assert set(lines["day"].dt.strftime("%Y-%m-%d")) == {"2025-01-31"}
    assert set(lines.filter(pl.col("cost") < 0)["corrects"]) <= set(january["charge_id"])
    assert cost(january) + cost(lines) == _live(ledger, JANUARY)
    assert ledger.run().publication is None, "a second run finds nothing to correct"


def test_what_is_taken_back_takes_its_correction_along(ledger: Ledger) -> None:
    shut(ledger, JANUARY)
    late = ledger.bring("jobs", LATE).record
    ledger.run()
    ledger.lake.undo_import(late.seq)
    ledger.run()

    assert charges(ledger, "charge_kind = 'correction'").is_empty()


def test_a_correction_that_was_closed_is_corrected_in_turn(ledger: Ledger) -> None:
    shut(ledger, JANUARY)
    late = ledger.bring("jobs", LATE).record
    ledger.run()
    shut(ledger, FEBRUARY)
    booked = charges(ledger, "charge_kind = 'correction'")
    ledger.lake.undo_import(late.seq)
    ledger.run()

    lines = charges(ledger, "month = '2025-03'")
    assert set(lines["charge_kind"]) == {"correction"}
    assert sorted(lines["cost"]) == sorted(-x for x in booked["cost"])
    assert set(lines["corrects"]) == set(booked["corrects"])
    with pytest.raises(InputError, match=r"2025-03 is not over"):
        close(ledger.project, "2025-03", 1_741_000_000_000, silent)
    shut(ledger, "2025-03")
    assert verified(ledger.lake) == []
    assert sum(s.amount for s in period(ledger.project, "2025-03").statements) == cost(lines)


def test_a_price_that_changes_after_the_close_reverses_and_charges_anew(ledger: Ledger) -> None:
    shut(ledger, JANUARY)
    seq = next(i.seq for i in ledger.lake.imports(live_only=True) if i.kind == "prices")
    ledger.lake.undo_import(seq)
    ledger.bring("prices", FILES["prices"].replace("1.25", "1.75"))
    ledger.run()

    lines = charges(ledger, "charge_kind = 'correction'")
    assert lines.filter(pl.col("cost") < 0).height == lines.filter(pl.col("cost") > 0).height > 0
    assert sum(lines["device_seconds"].to_list()) == 0
    assert cost(charges(ledger, f"month = '{JANUARY}'")) + cost(lines) == _live(ledger, JANUARY)


def _live(ledger: Ledger, month: str) -> Decimal:
    """What the month costs by all that is known now."""
    text = """SELECT SUM(charges.cost) AS cost FROM store.charges AS charges JOIN live_publications AS live
      ON live.cluster = charges.cluster AND live.day = charges.day AND live.publication = charges.publication
      WHERE charges.month = @month"""
    with closed_after(ledger.project.lake_reader()) as reader:
        found: Decimal = reader.query(text, {"month": month})["cost"].item()
    return found


def test_only_the_last_closed_month_opens_again_and_it_stays_on_record(ledger: Ledger) -> None:
    for month in (JANUARY, FEBRUARY):
        shut(ledger, month)
    with pytest.raises(InputError, match=r"a later month is closed: open 2025-02 first"):
        reopen(ledger.project, JANUARY, "why not", NOW)
    with pytest.raises(InputError, match=r"--reason is empty"):
        reopen(ledger.project, FEBRUARY, " ", NOW)
    first = period(ledger.project, FEBRUARY).statements
    reopen(ledger.project, FEBRUARY, "wrong invoice", NOW)

    assert period(ledger.project, FEBRUARY).open
    void = ledger.project.query("SELECT number FROM statements WHERE state = 'void'")["number"].to_list()
    assert void == [s.number for s in first]
    ledger.run()
    shut(ledger, FEBRUARY)
    again = period(ledger.project, FEBRUARY).statements
    assert again[0].number == first[-1].number + 1
    actions = ledger.project.query("SELECT month, action, reason FROM closes ORDER BY seq").rows()
    assert actions == [
        (JANUARY, "close", ""),
        (FEBRUARY, "close", ""),
        (FEBRUARY, "reopen", "wrong invoice"),
        (FEBRUARY, "close", ""),
    ]
    assert verified(ledger.lake) == []


def test_corrections_move_with_the_open_month(ledger: Ledger) -> None:
    for month in (JANUARY, FEBRUARY):
        shut(ledger, month)
    ledger.bring("jobs", LATE)
    ledger.run()
    assert set(charges(ledger, "charge_kind = 'correction'")["month"]) == {"2025-03"}
    reopen(ledger.project, FEBRUARY, "the late job belongs here", NOW)
    ledger.run()

    lines = charges(ledger, "charge_kind = 'correction'")
    assert set(lines["month"]) == {FEBRUARY}
    assert cost(lines) + cost(charges(ledger, f"month = '{JANUARY}'")) == _live(ledger, JANUARY)


AGAIN = (
    "INSERT INTO closes SELECT seq + 1, {}, made_at, who, 'x', rows, cost, currency, known, versions, sha256, '',"
    " sha256 FROM closes"
)


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE closes SET cost = '1'", "lines of the ledger never change"),
        ("DELETE FROM closes", "lines of the ledger never go"),
        ("UPDATE statements SET amount = '0'", "statements never change"),
        ("DELETE FROM statements WHERE number = 1", "statements never go"),
        ("UPDATE files SET path = 'x' WHERE tbl = 'ledger'", "the charges of a close never change"),
        ("DELETE FROM files WHERE tbl = 'ledger'", "the charges of a close never go"),
        (
            "INSERT INTO files SELECT 'x', tbl, NULL, publication, 1, 1, '' FROM files WHERE tbl = 'ledger'",
            "has all its charges",
        ),
        (AGAIN.format("month, 'close', 'again'"), "the month, or a later one, is closed"),
        (AGAIN.format("'2024-12', 'close', 'early'"), "the month, or a later one, is closed"),
        (AGAIN.format("'2024-12', 'reopen', 'x'"), "only the last closed month can be opened again"),
        (AGAIN.replace("seq + 1", "seq + 2").format("'2025-02', 'close', 'x'"), "another line was written meanwhile"),
        (
            "INSERT INTO statements SELECT 100, month, team, '', '1', '1', 'USD', 0 FROM statements LIMIT 1",
            "have no gaps",
        ),
        (
            "INSERT INTO publications SELECT seq, publication, '', '2025-01-01', 0, '' FROM publications",
            "the month is closed",
        ),
    ],
)
def test_the_store_takes_nothing_for_a_closed_month(ledger: Ledger, statement: str, words: str) -> None:
    shut(ledger, JANUARY)
    with ledger.lake.catalog() as connection, pytest.raises(sqlite3.IntegrityError, match=words):
        connection.execute(statement)


def test_tampering_is_seen(ledger: Ledger) -> None:
    shut(ledger, JANUARY)
    shut(ledger, FEBRUARY)
    catalog = ledger.lake.folder / "catalog.sqlite"
    (path,) = [f.path for f in ledger.lake.known_files() if f.table == "ledger" and "ledger" in f.path][:1]
    whole = (ledger.lake.folder / path).read_bytes()
    frame = pl.read_parquet(ledger.lake.folder / path)

    cheaper = frame.with_columns(
        cost=pl.when(pl.int_range(pl.len()) == 0).then(0).otherwise("cost").cast(pl.Decimal(38, 9))
    )
    cheaper.write_parquet(ledger.lake.folder / path)
    assert any("charges are not what was closed" in said for said in verified(ledger.lake))
    (ledger.lake.folder / path).write_bytes(whole)
    assert verified(ledger.lake) == []

    for forged, words in (
        ("UPDATE closes SET reason = 'x' WHERE seq = 1", "line 1 (close 2025-01): it, or a statement of it"),
        ("UPDATE statements SET team = 'red2' WHERE number = 1", "line 1 (close 2025-01): it, or a statement of it"),
        ("DELETE FROM closes WHERE seq = 1", "line 2 (close 2025-02): the chain is broken"),
        ("DELETE FROM statements WHERE number = 1", "numbers of statements have gaps"),
    ):
        kept = catalog.read_bytes()
        with closed_after(sqlite3.connect(catalog)) as connection:
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                connection.execute(f"DROP TRIGGER {name}")
            connection.execute(forged)
            connection.commit()
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert any(words in said for said in verified(ledger.lake)), forged
        catalog.write_bytes(kept)
    assert verified(ledger.lake) == []


def test_of_two_closes_at_once_one_wins(ledger: Ledger) -> None:
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(shut, ledger, JANUARY) for _ in range(2)]
        errors = [job.exception() for job in both]

    assert sum(error is None for error in errors) == 1
    assert all(isinstance(error, InputError) for error in errors if error is not None)
    assert len(closing.closes(ledger.lake)) == 1
    assert verified(ledger.lake) == []


def test_a_killed_close_is_whole_or_nothing(ledger: Ledger) -> None:
    command = [sys.executable, "-c", "from chipledger.command import main; main()", "--config", str(ledger.folder)]
    chance, hit = random.Random(7), 0
    for attempt in range(40):
        child = subprocess.Popen([*command, "close", JANUARY], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(chance.uniform(0.2, 1.5))
        child.send_signal(signal.SIGKILL)
        hit += child.wait() == -signal.SIGKILL
        assert len(closing.closes(ledger.lake)) in (0, 1)
        assert verified(ledger.lake) == []
        if closing.closes(ledger.lake) or attempt > 5:
            break
    assert hit
    if not closing.closes(ledger.lake):
        shut(ledger, JANUARY)
    assert len(period(ledger.project, JANUARY).statements) == len(set(charges(ledger, f"month = '{JANUARY}'")["team"]))


CHANGES = {
    "late": ("jobs", LATE),
    "more": ("jobs", LATE.replace("late", "more").replace("T20", "T10").replace("T22", "T11")),
    "price": ("prices", "accelerator,purchase,provider,price_per_hour\nH100-80GB,spot,gcp,1.5\n"),
    "february": ("jobs", LATE.replace("late", "feb").replace("2025-01-31", "2025-02-02")),
}
STEPS = st.lists(st.sampled_from([*CHANGES, "undo", "run", "close", "close", "reopen"]), min_size=4, max_size=12)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_in_any_order_closed_months_stay_and_all_adds_up(
    accounted: Ledger, tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("order") / "p"
    shutil.copytree(accounted.folder, folder)
    ledger, frozen, brought = Ledger(folder), dict[str, pl.DataFrame](), list[int]()
    for step in steps:
        _take(ledger, step, brought)
        standing = closing.standing(closing.closes(ledger.lake))
        now = {month: charges(ledger, f"month = '{month}'") for month in standing}
        for month, rows in now.items():
            assert rows.equals(frozen.get(month, rows)), f"{month} changed by {step}"
        frozen = now
    ledger.run()
    known = sum((_live(ledger, month) for month in (JANUARY, FEBRUARY)), Decimal(0))
    assert cost(charges(ledger)) == known
    assert verified(ledger.lake) == []


def _take(ledger: Ledger, step: str, brought: list[int]) -> None:
    standing = closing.standing(closing.closes(ledger.lake))
    if step in CHANGES:
        kind, text = CHANGES[step]
        brought.append(ledger.bring(kind, text, source=step).record.seq)
    elif step == "undo" and brought:
        live = {one.seq for one in ledger.lake.imports(live_only=True)}
        if (seq := brought.pop()) in live:
            ledger.lake.undo_import(seq)
    elif step == "run":
        ledger.run()
    elif step == "close":
        with suppress(ChipledgerError):  # it waits for a run, or there is nothing to close
            shut(ledger, next((m for m in (JANUARY, FEBRUARY) if m not in standing), "2025-03"))
    elif step == "reopen" and standing:
        reopen(ledger.project, max(standing), "again", NOW)
