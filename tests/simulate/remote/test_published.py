"""What is published of clusters that only APIs tell of is what truly happened, within what samples can tell."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from accounting.simulate.answer import load
from accounting.simulate.demo import Built
from accounting.simulate.remote.fleet import ASSIST, DAYS, GKE, MIG_POOL, TPU_POOL
from accounting.simulate.verdict import Verdict, judge

DEVICES = {"h100-serve": 8, TPU_POOL: 16, MIG_POOL: 2}


def test_tokens_are_exact_across_the_restart_and_the_gaps(verdict: Verdict) -> None:
    tokens = verdict.remote.tokens

    assert tokens["model"].to_list() == ["chat-70b", "chat-7b"]
    for name in ("requests", "input_tokens", "output_tokens"):
        assert (tokens[name] > 10_000).all()
        assert tokens[name].to_list() == tokens[f"{name}_told"].to_list()


def test_the_view_tells_tokens_by_team(built: Built) -> None:
    rows = built.project.query("SELECT team, model, SUM(output_tokens) AS n FROM serving GROUP BY 1, 2 ORDER BY 1")

    assert rows["team"].to_list() == ["language", "support"]
    assert rows["model"].to_list() == ["chat-70b", "chat-7b"]


def test_who_borrowed_quota_and_whose_lay_unused(verdict: Verdict, built: Built) -> None:
    quotas = verdict.remote.quotas
    llm, helpdesk = built.project.query(
        "SELECT queue, SUM(quota_seconds) AS quota, SUM(used_seconds) AS used, SUM(borrowed_seconds) AS borrowed"
        " FROM quotas WHERE cohort = 'serving' GROUP BY queue ORDER BY queue DESC"
    ).iter_rows(named=True)

    assert quotas["queue"].to_list() == ["helpdesk-serving", "llm-serving"]
    assert (quotas["allowed"] < quotas["quota"] * 0.005).all(), "the bound is no excuse"
    assert (llm["queue"], helpdesk["borrowed"]) == ("llm-serving", 0)
    assert 0 < llm["borrowed"] < helpdesk["quota"] - helpdesk["used"]


def test_cost_by_team_and_model_is_within_the_samples_around_holdings(verdict: Verdict) -> None:
    bill = verdict.remote.bill
    held = bill.filter(pl.col("team").is_not_null())

    assert held.select("cluster", "team", "model").rows() == [
        (ASSIST, "language", "chat-70b"),
        (ASSIST, "support", "chat-7b"),
        (GKE, "language", "llm-7b"),
        (GKE, "research", None),
        (GKE, "speech", None),
        (GKE, "vision", "diffuser"),
        (GKE, "vision", None),
    ]
    assert (bill["difference"].abs() <= bill["allowed"]).all()
    assert (held["allowed"] < held["truth"] * 0.002).all(), "the bound is no excuse"


def test_devices_are_conserved(built: Built) -> None:
    """To a minute at either end: when each is first and last seen."""
    rows = built.project.query(
        "SELECT pool, COUNT(DISTINCT device_id) AS devices, SUM(device_seconds) AS seconds FROM usage"
        f" WHERE cluster IN ('{ASSIST}', '{GKE}') GROUP BY pool"
    )

    assert dict(rows.select("pool", "devices").iter_rows()) == DEVICES
    for pool, devices, seconds in rows.iter_rows():
        assert abs(float(seconds) - DEVICES[pool] * DAYS * 86_400) <= devices * 120, pool


def test_gaps_are_unobserved_and_nothing_is_put_in_their_place(built: Built, folder: Path) -> None:
    where = "state IN ('unobserved', 'allocated_unobserved')"
    right = load(folder).remote.sql(f"SELECT SUM(device_seconds) AS s FROM self WHERE {where}").item()
    found = built.project.query(
        f"SELECT SUM(device_seconds) AS s, SUM(busy_seconds) AS b FROM usage WHERE {where}"
        f" AND cluster IN ('{ASSIST}', '{GKE}')"
    )

    assert float(found["s"][0]) == pytest.approx(float(right), rel=0.02)
    assert found["b"][0] is None


def test_late_points_are_told_in_the_second_run(verdict: Verdict, built: Built) -> None:
    """Two hours of four chips would be missing otherwise."""
    unobserved = verdict.remote.states.filter(cluster=GKE, state="unobserved")

    assert built.tallies[1].segments > 5
    assert abs(unobserved["difference"][0]) < 0.5


def test_an_exporter_that_names_another_holder_is_a_fault_and_the_agent_counts(verdict: Verdict, built: Built) -> None:
    (fault,) = verdict.faults.filter(fault="disagreeing_holders").iter_rows(named=True)

    assert (fault["truth"], abs(fault["difference"]) <= 0.05) == (1.0, True)
    assert built.project.query("SELECT COUNT(*) AS n FROM usage WHERE workload_id = 'ghosts/ghost'")["n"][0] == 0


@dataclass(frozen=True)
class Lie:
    """One row of a file of the truth, told otherwise, and the start of what the judge must say."""

    file: str
    where: pl.Expr
    column: str
    add: int
    said: str


LIES = {
    "a token": Lie("tokens", pl.col("model") == "chat-7b", "output_tokens", 1, "support chat-7b: -1 output tokens off"),
    "a request": Lie("tokens", pl.col("model") == "chat-70b", "requests", -1, "language chat-70b: 1 requests off"),
    "some cost": Lie("remote", pl.col("team") == "support", "cost", 4, f"{ASSIST} support chat-7b: -4."),
    "an hour": Lie("remote", pl.col("state") == "maintenance", "device_seconds", 5400, f"{ASSIST} maintenance: -1.5"),
    "a quota": Lie("quotas", pl.col("queue") == "llm-serving", "quota", 1, f"{ASSIST} llm-serving: -1."),
    "what was borrowed": Lie("quotas", pl.col("borrowed") == 0, "borrowed", 1, f"{ASSIST} helpdesk-serving: -1.000"),
    "busy time": Lie("remote", pl.col("busy_seconds") > 0, "busy_seconds", 36_000, f"{ASSIST}: busy time -"),
}


@pytest.mark.parametrize("name", LIES)
def test_the_judge_sees_a_lie(built: Built, folder: Path, tmp_path: Path, name: str) -> None:
    lie = LIES[name]
    shutil.copytree(folder / "truth", tmp_path / "truth")
    file = tmp_path / "truth" / f"{lie.file}.parquet"
    rows = pl.read_parquet(file).with_columns(hit=lie.where.fill_null(False))
    first = pl.col("hit") & (pl.col("hit").cum_sum() == 1)
    more = pl.col(lie.column) + pl.lit(Decimal(lie.add)).cast(rows.schema[lie.column])
    changed = rows.with_columns(pl.when(first).then(more).otherwise(lie.column).alias(lie.column))
    changed.drop("hit").write_parquet(file)

    (failure,) = judge(built.project, tmp_path).failures
    assert failure.startswith(lie.said)
