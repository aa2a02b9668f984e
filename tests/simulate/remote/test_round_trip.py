"""Clusters told by Prometheus and Cloud Monitoring, or by agents on their nodes: one bill, within what samples tell."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

from accounting.inbox import open_inbox
from accounting.ingest import ingest
from accounting.simulate.company import DAY, PPM
from accounting.simulate.demand import Window
from accounting.simulate.remote.collecting import Place, collect
from accounting.simulate.remote.fleet import ASSIST, CLUSTERS, Unit
from accounting.simulate.remote.pieces import pieces
from accounting.simulate.remote.pod import Pod
from accounting.simulate.remote.story import Story, story
from accounting.simulate.remote.truth import truth
from collector.central.findings import Activity, Findings
from collector.holders import Hold
from collector.wire import UNKNOWN, Device, Workload
from collector.wire import Place as At
from tests.collected import put
from tests.simulate.remote.test_story import MIDNIGHT
from tests.test_ingest import made
from tests.test_pipeline import Ledger

PRICES = {"H100-80GB": 10, "A100-40GB": 4, "TPU-v5e": 1}
TEAMS = "selector,team\nnamespace=llm,language\nnamespace=vision,vision\nnamespace=speech,speech\n"


def device(unit: Unit) -> Device:
    place = At(node=unit.node, pool=unit.pool)
    if not unit.profile:
        return Device(uuid=unit.device, name=unit.told_name, minor=unit.number, place=place)
    uuid = f"{unit.device}/gi{unit.instance}"
    return Device(uuid=uuid, name=unit.told_name, parent=unit.device, profile=unit.profile, place=place)


def workload(pod: Pod) -> Workload:
    return Workload(id=pod.workload_id, kind="kubernetes", namespace=pod.namespace, claims=pod.claims)


def watched(told: Story, cluster: str) -> Findings:
    """What agents see: everything, to the millisecond."""
    found = Findings(activity=[], holds=[])
    for number, unit in enumerate(told.units):
        if unit.cluster != cluster:
            continue
        rows = [(p.start, p.end - p.start, p.level * (p.end - p.start) // PPM) for p in pieces(told, number)]
        cut = [row for at, length, busy in rows for row in _cut(at, length, busy)]
        found.activity.append(Activity(device(unit), None, [(*row, *(UNKNOWN,) * 7, 0, 0) for row in cut]))
    for pod in (pod for pod in told.pods if pod.cluster == cluster):
        found.holds += [
            Hold(
                device=device(told.units[u]),
                workload=workload(pod),
                share_ppm=PPM,
                start_ms=pod.start,
                until_ms=pod.end,
                closed=pod.end < told.last,
            )
            for u in pod.units
        ]
    return found


def _cut(at: int, length: int, busy: int) -> list[tuple[int, int, int]]:
    """A record has an hour at most."""
    edges = [at, *range(at // 1_800_000 * 1_800_000 + 1_800_000, at + length, 1_800_000), at + length]
    return [(a, b - a, busy * (b - a) // length) for a, b in pairwise(edges)]


def accounted(ledger: Ledger) -> pl.DataFrame:
    tally = ingest(ledger.lake, open_inbox("inbox", ledger.folder), MIDNIGHT + DAY)
    assert tally.refused == []
    prices = "".join(f"{name},{price},USD\n" for name, price in PRICES.items())
    ledger.bring("prices", "accelerator,price_per_hour,currency\n" + prices)
    ledger.bring("teams", TEAMS)
    ledger.run()
    return ledger.project.query(
        "SELECT cluster, owner_team AS team, model, SUM(cost) AS cost FROM charges WHERE workload_id IS NOT NULL"
        " GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
    )


def true_cost(told: Story) -> pl.DataFrame:
    """And what one sample at each start and end of a holding costs."""
    answer = truth(told, told.last)
    price = pl.col("accelerator").replace_strict(PRICES, return_dtype=pl.Float64)
    held = answer.remote.filter(pl.col("workload_id").is_not_null()).with_columns(price=price / 3600)
    costs = held.group_by("cluster", "team", "model").agg(
        true=(pl.col("device_seconds").cast(float) * pl.col("price")).sum(), most=pl.col("price").max()
    )
    edges = answer.blur.group_by("cluster", "team", "model").agg(pl.col("held").sum())
    both = costs.join(edges, on=["cluster", "team", "model"], nulls_equal=True)
    named = both.with_columns(team=pl.when(pl.col("team") == "research").then(pl.lit("unowned")).otherwise("team"))
    return named.with_columns(allowed=pl.col("held") * pl.col("most"))


@pytest.mark.parametrize("gaps", [True, False])
def test_apis_and_agents_make_the_same_bill(tmp_path: Path, gaps: bool) -> None:
    """Prometheus through its gaps too; Cloud Monitoring where there are none, as it tells no holders in them."""
    told = story(Window(7, MIDNIGHT - 3 * DAY, MIDNIGHT), google=not gaps)
    if not gaps:
        told = replace(told, silent=[], away=[], late=[])
    agents, apis = made(tmp_path / "agents"), made(tmp_path / "apis")
    for cluster in CLUSTERS if not gaps else (ASSIST,):
        put(agents.folder / "inbox", "agent", watched(told, cluster), cluster=cluster, name=cluster)
    collect(told, None, Place(tmp_path, apis.folder / "inbox"))
    keys = ["cluster", "team", "model"]
    right, found = accounted(agents), accounted(apis)
    both = right.join(found, on=keys, suffix="_told", nulls_equal=True).join(
        true_cost(told), on=keys, nulls_equal=True
    )  # fmt: skip

    assert both.height == right.height == found.height == (2 if gaps else 7)
    for row in both.iter_rows(named=True):
        assert abs(float(row["cost"]) - row["true"]) < 0.001, row
        assert abs(float(row["cost"] - row["cost_told"])) <= row["allowed"] < row["true"] / 100, row
