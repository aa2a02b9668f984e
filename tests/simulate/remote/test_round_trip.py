"""One cluster told by its Prometheus, and told by agents on its nodes: the same bill, within what samples can tell."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from accounting.inbox import open_inbox
from accounting.ingest import ingest
from accounting.simulate.company import DAY, PPM
from accounting.simulate.demand import Window
from accounting.simulate.remote.collecting import Place, collect
from accounting.simulate.remote.fleet import ASSIST, Unit
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

PRICE = "accelerator,price_per_hour,currency\nH100-80GB,10,USD\n"
TEAMS = "selector,team\nnamespace=llm,language\n"
PRICE_PER_SECOND = 10 / 3600


def device(unit: Unit) -> Device:
    place = At(cluster=unit.cluster, node=unit.node, pool=unit.pool)
    return Device(uuid=unit.device, name=unit.told_name, minor=unit.number, place=place)


def workload(pod: Pod) -> Workload:
    return Workload(id=pod.workload_id, kind="kubernetes", namespace=pod.namespace, claims=pod.claims)


def watched(told: Story) -> Findings:
    """What agents see: everything, to the millisecond."""
    found = Findings(activity=[], holds=[])
    for number, unit in enumerate(told.units):
        rows = [(p.start, p.end - p.start, p.level * (p.end - p.start) // PPM) for p in pieces(told, number)]
        cut = [row for at, length, busy in rows for row in _cut(at, length, busy)]
        found.activity.append(Activity(device(unit), None, [(*row, *(UNKNOWN,) * 7, 0, 0) for row in cut]))
    for pod in told.pods:
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
    return [(a, b - a, busy * (b - a) // length) for a, b in zip(edges, edges[1:], strict=False)]


def accounted(ledger: Ledger) -> pl.DataFrame:
    tally = ingest(ledger.lake, open_inbox("inbox", ledger.folder), MIDNIGHT + DAY)
    assert tally.refused == []
    ledger.bring("prices", PRICE)
    ledger.bring("teams", TEAMS)
    ledger.run()
    return ledger.project.query(
        "SELECT owner_team AS team, model, SUM(cost) AS cost FROM charges WHERE workload_id IS NOT NULL"
        " GROUP BY 1, 2 ORDER BY 1, 2"
    )


def test_prometheus_and_agents_make_the_same_bill(tmp_path: Path) -> None:
    told = story(Window(7, MIDNIGHT - 3 * DAY, MIDNIGHT), google=False)
    agents, apis = made(tmp_path / "agents"), made(tmp_path / "apis")
    put(agents.folder / "inbox", "agent", watched(told), cluster=ASSIST)
    collect(told, None, Place(tmp_path, apis.folder / "inbox"))
    right, found = accounted(agents), accounted(apis)
    answer = truth(told, told.last)
    true = answer.remote.filter(pl.col("team").is_not_null()).group_by("team", "model").agg(
        seconds=pl.col("device_seconds").cast(float).sum()
    )  # fmt: skip
    allowed = answer.blur.group_by("team", "model").agg(pl.col("held").sum())
    both = right.join(found, on=["team", "model"], suffix="_told").join(allowed, on=["team", "model"])

    assert both.height == right.height == found.height == 2
    for _, _, cost, collected, seconds in both.iter_rows():
        assert 0 < abs(float(cost - collected)) <= seconds * PRICE_PER_SECOND
    exact = right.join(true, on=["team", "model"])
    for _, _, cost, seconds in exact.iter_rows():
        assert abs(float(cost) - seconds * PRICE_PER_SECOND) < 1e-6
