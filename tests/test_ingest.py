"""Ingest: whatever happens to segments on their way, every batch counts once, and a run gives the same rows."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounting import gaps, inventory
from accounting.config import load_config, write_project
from accounting.inbox import Inbox, open_inbox
from accounting.ingest import Tally, ingest
from accounting.inputs import observations
from accounting.stores.lake import Lake
from collector.wire import NOTES, UNKNOWN, Device, Holding, Names, Note, Record, Workload
from tests.segments import H100, HOUR, MIDNIGHT, WINDOW, Node, Segment
from tests.test_pipeline import Ledger

DAY = 144
"""Batches of a day."""
NOW = MIDNIGHT + 1000 * HOUR
ONE, TWO = Node("a"), Node("b", gpus=1, busy=20)
SEGMENTS = [
    ONE.segment(1, 60), ONE.segment(61, 200), ONE.segment(201, 2 * DAY), TWO.segment(1, DAY), TWO.segment(DAY + 1, 170),
    replace(ONE, stream="s2", start=ONE.at(2 * DAY + 5), previous="s1", previous_last=2 * DAY).segment(1, 10),
]  # fmt: skip


def made(folder: Path) -> Ledger:
    Lake.create(load_config(write_project(folder)).lake)
    return Ledger(folder)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return made(tmp_path / "p")


def inbox(ledger: Ledger) -> Inbox:
    return open_inbox("inbox", ledger.folder)


def bring(ledger: Ledger, *segments: Segment) -> Tally:
    """Puts segments into the inbox and ingests them."""
    box = inbox(ledger)
    for segment in segments:
        segment.put(ledger.folder / "inbox")
    return ingest(ledger.lake, box, NOW)


def lying(ledger: Ledger, place: str = "segments") -> list[Path]:
    return sorted(p for p in (ledger.folder / "inbox" / place).rglob("*") if p.is_file())


def told(ledger: Ledger) -> dict[str, pl.DataFrame]:
    """What counts, without where it came from."""
    rows = observations.distinct(observations.records(ledger.lake).collect())
    frames = {
        "records": observations.by_device(rows, pl.DataFrame(schema={"instance_id": pl.String})),
        "holdings": observations.holdings(ledger.lake),
        "devices": observations.devices(ledger.lake),
    }
    return {name: f.drop("import_seq", "row").sort(pl.all()) for name, f in frames.items()}


def test_a_segment_counts_once(ledger: Ledger) -> None:
    first = bring(ledger, *SEGMENTS)
    rows = told(ledger)

    assert (first.segments, first.known, first.agents) == (len(SEGMENTS), 0, {"a", "b"})
    assert first.records == rows["records"].height == 3 * 2 * DAY + 2 * 170 + 3 * 10
    assert first.newest_ms == ONE.at(2 * DAY + 5) + 10 * WINDOW
    assert lying(ledger) == []

    again = bring(ledger, *SEGMENTS[1:4])
    assert (again.segments, again.known, again.records, again.imports) == (0, 3, 0, [])
    assert lying(ledger) == []
    assert all(told(ledger)[name].equals(frame) for name, frame in rows.items())


def test_rows_say_what_the_agent_said(ledger: Ledger) -> None:
    bring(ledger, ONE.segment(1, 50))

    rows = told(ledger)["records"].filter(device_id="GPU-a-0").sort("start_ms", "workload_id")
    measured = rows.select("workload_id", "busy_ppm", "sm_active_ppm", "health")
    assert measured.rows()[-4:] == [
        (None, 0, None, 1), ("w1", 0, None, 1), (None, 0, None, 0), ("w1", 0, None, 0),
    ]  # fmt: skip
    assert rows["busy_ppm"].unique().sort().to_list() == [0, 500_000]
    (held,) = told(ledger)["holdings"].rows(named=True)
    assert (held["workload_id"], held["team"], held["until_ms"], held["closed"]) == ("w1", "red", ONE.at(51), 0)
    seen = told(ledger)["devices"].select("device_id", "purchase", "first_ms", "last_ms").rows()
    assert seen == [(f"GPU-a-{i}", "spot", MIDNIGHT, ONE.at(51)) for i in (0, 1)]


def test_a_device_that_was_away_and_came_back_is_capacity_all_the_time(ledger: Ledger) -> None:
    """For a repair, in another node, between two stays in its own."""

    def stay(node: Node, first: int) -> Segment:
        records = [Record(0, UNKNOWN, node.at(n), WINDOW, 0) for n in range(first, first + 3)]
        return node.told(first, first + 2, Names([Device(uuid="GPU-x", name=H100)], [], []), records)

    bring(ledger, stay(ONE, 1), stay(TWO, 4), stay(ONE, 7))
    ledger.run()
    found = ledger.project.query("SELECT SUM(device_seconds) AS s FROM usage").item()
    assert found == 9 * WINDOW / 1000


@pytest.mark.parametrize(
    ("kind", "stand_in", "name"), [("kubernetes", "pod:u-1", "ml/train-0"), ("slurm", "1240", "1234_7")]
)
def test_a_workload_that_had_no_name_for_a_while_is_billed_once(
    ledger: Ledger, kind: str, stand_in: str, name: str
) -> None:
    # The same process on the same device, told from its start by an agent that was started twice; the second one met
    # a server that did not answer.
    uid = "u-1" if kind == "kubernetes" else stand_in
    before = replace(ONE, workload=Workload(id=name, kind=kind, uid=uid))
    after = replace(ONE, stream="s2", workload=Workload(id=stand_in, kind=kind, uid=uid))
    bring(ledger, after.segment(31, 60))
    ledger.run()
    bring(ledger, before.segment(1, 30))
    ledger.run()

    held = ledger.project.query("SELECT workload_id, SUM(device_seconds) AS s FROM usage GROUP BY workload_id")
    assert dict(held.drop_nulls().iter_rows()) == {name: 60 * WINDOW / 1000}


def test_a_clock_that_is_years_ahead_moves_no_watermark(ledger: Ledger) -> None:
    wrong = replace(ONE, start=NOW + 25 * HOUR)
    tally = bring(ledger, TWO.segment(1, 6), wrong.segment(1, 1))
    assert tally.segments == 1
    assert [r.reason for r in tally.refused] == ["tells of a time 25 hours from now: set the clock of node-a"]


@pytest.mark.parametrize(
    ("name", "record"),
    [
        ("energy_mj", Record(0, UNKNOWN, MIDNIGHT, WINDOW, energy_mj=2**62)),
        ("busy_ms", Record(0, UNKNOWN, MIDNIGHT, WINDOW, -5)),
        ("start_ms", Record(0, UNKNOWN, 5, WINDOW, 5)),
    ],
)
def test_amounts_and_times_that_cannot_be_are_refused(ledger: Ledger, name: str, record: Record) -> None:
    names = Names([Device(uuid="GPU-a-0", name=H100)], [], [])
    tally = bring(ledger, ONE.told(1, 1, names, [record]))
    assert [r.reason for r in tally.refused] == [f"{name} of records is not what it can be"]


def test_nobody_tells_under_anothers_name(ledger: Ledger) -> None:
    # A bucket can give each node a prefix of its own: then this keeps what a node tells to that node.
    forged = replace(ONE.segment(1, 60), agent="b")
    renamed = replace(ONE.segment(61, 70), first=1)
    tally = bring(ledger, forged, renamed, TWO.segment(1, 6))
    assert tally.agents == {"b"}
    assert [r.reason.partition(":")[0] for r in tally.refused] == ["another agent's or another part's"] * 2


def test_what_was_taken_stays_where_it_is_kept(ledger: Ledger) -> None:
    for segment in SEGMENTS:
        segment.put(ledger.folder / "inbox")
    assert ingest(ledger.lake, inbox(ledger), NOW, keep=True).segments == len(SEGMENTS)
    assert len(lying(ledger)) == len(SEGMENTS)

    again = ingest(ledger.lake, inbox(ledger), NOW, keep=True)
    assert (again.segments, again.known) == (0, 0)


@cache
def reference() -> dict[str, list[tuple[object, ...]]]:
    with TemporaryDirectory() as folder:
        ledger = made(Path(folder) / "p")
        bring(ledger, *SEGMENTS)
        ledger.run()
        return ledger.rows()


@settings(max_examples=6, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    st.permutations([*range(len(SEGMENTS)), *range(len(SEGMENTS))]),
    st.lists(st.integers(1, 2 * len(SEGMENTS)), max_size=3),
    st.booleans(),
)
def test_any_order_and_division_gives_the_same_rows(order: list[int], cuts: list[int], run_between: bool) -> None:
    with TemporaryDirectory() as folder:
        ledger = made(Path(folder) / "p")
        edges = [0, *sorted(cuts), len(order)]
        for start, end in pairwise(edges):
            bring(ledger, *(SEGMENTS[i] for i in order[start:end]))
            if run_between and start == 0:
                ledger.run()
        ledger.run()

        assert ledger.rows() == reference()


def test_a_day_that_came_late_is_done_again_with_its_neighbors(ledger: Ledger) -> None:
    node = replace(ONE, held=0)
    days = [date(2025, 1, 31) + timedelta(days=n) for n in range(6)]
    bring(ledger, *(node.segment(n * DAY + 1, (n + 1) * DAY) for n in (0, 1, 2, 3, 5)))
    ledger.run()

    assert ledger.redone(lambda: bring(ledger, node.segment(4 * DAY + 1, 5 * DAY))) == days[3:6]
    assert ledger.redone(lambda: bring(ledger, node.segment(1, DAY))) == []


def test_an_undone_ingest_can_come_again(ledger: Ledger) -> None:
    tally = bring(ledger, *SEGMENTS)
    ledger.run()
    rows = ledger.rows()
    for seq in tally.imports:
        ledger.lake.undo_import(seq)
    ledger.run()
    assert not any(ledger.rows().values())

    assert bring(ledger, *SEGMENTS).segments == len(SEGMENTS)
    ledger.run()
    assert ledger.rows() == rows


@settings(max_examples=60, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_damage_is_set_aside_and_nothing_is_lost(data: st.DataObject) -> None:
    good, whole = SEGMENTS[3], SEGMENTS[0].data
    at = data.draw(st.integers(0, len(whole) - 1))
    flipped = whole[:at] + bytes([whole[at] ^ data.draw(st.integers(1, 255))]) + whole[at + 1 :]
    damaged = data.draw(st.sampled_from([flipped, whole[:at], whole + whole[at:]]))
    with TemporaryDirectory() as folder:
        ledger = made(Path(folder) / "p")
        tally = bring(ledger, good, replace(SEGMENTS[0], data=damaged))

        assert (tally.segments, [r.name for r in tally.refused]) == (1, [SEGMENTS[0].name])
        assert damaged in [path.read_bytes() for path in lying(ledger, "quarantine")]
        assert ledger.project.query("SELECT file, kind FROM quarantine").rows() == [(SEGMENTS[0].name, "agent")]
        assert bring(ledger, SEGMENTS[0]).segments == 1


def test_what_contradicts_is_set_aside(ledger: Ledger) -> None:
    bring(ledger, ONE.segment(1, 60))
    other = bring(ledger, replace(ONE, busy=60).segment(1, 60), ONE.segment(50, 70))

    assert [r.reason for r in other.refused] == [
        "batches 1 to 60: 1 to 60 came before, with other bytes",
        "batches 50 to 70: 1 to 60 came before, with other bytes",
    ]
    assert (other.segments, len(lying(ledger)), len(lying(ledger, "quarantine"))) == (0, 0, 4)
    assert bring(ledger, ONE.segment(61, 70)).segments == 1


def test_foreign_objects_are_set_aside_and_said_once(ledger: Ledger) -> None:
    box = inbox(ledger)
    place = ledger.folder / "inbox" / "segments" / "x"
    place.mkdir(parents=True)
    for _ in range(2):  # as after a kill between the commit and the move
        (place / "notes.txt").write_text("hello")
        (place / ".half.seg").write_text("being written")
        ingest(ledger.lake, box, NOW)

    reasons = ledger.project.query("SELECT file, reason FROM quarantine").rows()
    assert reasons == [("segments/x/notes.txt", "not a segment: its name does not end with .seg")]
    assert lying(ledger) == [place / ".half.seg"]
    assert ledger.lake.orphans() == []


def test_a_segment_that_another_ingest_was_faster_with_is_dropped(ledger: Ledger) -> None:
    box = inbox(ledger)
    for segment in SEGMENTS[:4]:
        segment.put(ledger.folder / "inbox")
    contradiction = replace(ONE, busy=70).segment(61, 200)
    faster: list[Tally] = []

    def meanwhile(text: str, done: float | None) -> None:
        if text == "storing" and not faster:
            faster.append(Tally())
            with TemporaryDirectory() as folder:
                for segment in (SEGMENTS[0], contradiction):
                    segment.put(Path(folder))
                faster.append(ingest(ledger.lake, open_inbox(folder, Path()), NOW))

    tally = ingest(ledger.lake, box, NOW, progress=meanwhile)

    assert faster[1].segments == 2
    assert (tally.segments, tally.known, [r.name for r in tally.refused]) == (2, 1, [SEGMENTS[1].name])
    assert SEGMENTS[1].data in [path.read_bytes() for path in lying(ledger, "quarantine")]
    assert told(ledger)["records"].height == observations.records(ledger.lake).collect().height
    assert ledger.lake.orphans() == []


INGEST = f"""import sys; from pathlib import Path
from accounting.inbox import open_inbox; from accounting.ingest import ingest; from accounting.stores.lake import Lake
folder = Path(sys.argv[1])
print("ready", flush=True)
print(ingest(Lake.open(folder / "lake"), open_inbox("inbox", folder), {NOW}, batch_bytes=1).segments)"""


def started(ledger: Ledger) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", INGEST, str(ledger.folder)], stdout=subprocess.PIPE, text=True)


def crowd(ledger: Ledger, agents: int) -> int:
    """Two segments of each of so many agents in the inbox; how many records they have."""
    for i in range(agents):
        node = Node(f"n{i:03}", gpus=1, held=0)
        for segment in (node.segment(1, 5), node.segment(6, 10)):
            segment.put(ledger.folder / "inbox")
    return agents * 10


def test_two_processes_at_once_take_each_segment_once(ledger: Ledger) -> None:
    records = crowd(ledger, 150)
    processes = [started(ledger) for _ in range(2)]
    said = [process.communicate()[0].split() for process in processes]

    assert [process.returncode for process in processes] == [0, 0]
    assert sum(int(text[1]) for text in said) == 300
    assert observations.records(ledger.lake).collect().height == told(ledger)["records"].height == records
    assert lying(ledger) == []


def test_killed_anywhere_it_goes_on(ledger: Ledger) -> None:
    records, reached = crowd(ledger, 200), []
    for n in range(8):
        process = started(ledger)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.02 + 0.03 * n)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        reached.append(observations.records(ledger.lake).collect().height)
    bring(ledger)

    assert any(0 < height < records for height in reached), reached
    assert observations.records(ledger.lake).collect().height == told(ledger)["records"].height == records
    assert lying(ledger) == []


def test_a_gap_is_a_fault_of_its_day_until_it_is_filled(ledger: Ledger) -> None:
    bring(ledger, ONE.segment(1, 60), ONE.segment(201, 2 * DAY))
    ledger.run()
    asked = "SELECT day, workloads FROM faults WHERE fault = 'missing_batches'"
    assert ledger.project.query(asked).rows() == [(date(2025, 1, 31), 140)]

    bring(ledger, ONE.segment(61, 200))
    ledger.run()
    assert ledger.project.query(asked).is_empty()


def test_a_gap_that_shows_later_makes_its_day_dirty(ledger: Ledger) -> None:
    """The batches after it come from the next day, and tell nothing of the day of the gap but that it has one."""
    bring(ledger, ONE.segment(1, DAY - 4))
    ledger.run()
    bring(ledger, ONE.segment(2 * DAY + DAY // 2, 3 * DAY))
    ledger.run()
    found = ledger.project.query("SELECT day, workloads FROM faults WHERE fault = 'missing_batches'")
    assert found.rows() == [(date(2025, 1, 31), DAY + DAY // 2 + 3)]


def test_what_is_missing_is_told(ledger: Ledger) -> None:
    later = replace(ONE, stream="s2", start=ONE.at(100), previous="s1", previous_last=80)
    bring(
        ledger, ONE.segment(11, 20), ONE.segment(31, 40), later.segment(1, 5), replace(TWO, previous="s0").segment(1, 2)
    )

    assert gaps.missing(ledger.lake).drop("node", "cluster").rows() == [
        ("a", "s1", 1, 10, None, ONE.at(11)),
        ("a", "s1", 21, 30, ONE.at(21), ONE.at(31)),
        ("a", "s1", 41, 80, ONE.at(41), ONE.at(100)),
    ]
    assert gaps.said(ledger.lake) == ["missing: 60 batches that agents wrote have not come, of node-a"]
    bring(ledger, ONE.segment(1, 10), ONE.segment(21, 30), ONE.segment(41, 80))
    assert gaps.missing(ledger.lake).is_empty()


def test_losses_of_agents_are_counted_once(ledger: Ledger) -> None:
    names = Names([], [], ["disk full"])
    lost = Note(MIDNIGHT, UNKNOWN, NOTES.index("dropped"), 60_000, 0)
    for stream in ("s1", "s2"):
        bring(ledger, replace(ONE, stream=stream).told(1, 1, names, [], notes=[lost]))

    assert gaps.losses(ledger.lake).rows() == [("dropped", "east", "node-a", 1, 60_000)]
    assert gaps.said(ledger.lake) == ["dropped by agents: 1 times, on node-a"]


@pytest.mark.parametrize(
    ("capacity", "left"),
    [
        ("device_id,accelerator\nGPU-a-0,H100-80GB\n", ["GPU-a-0", "GPU-a-1"]),
        ("cluster,node,accelerator,quantity\neast,node-a,H100-80GB,8\n", [None]),
        ("cluster,pool,accelerator,quantity\neast,train,H100-80GB,8\n", [None]),
        ("cluster,pool,accelerator,quantity\neast,other,H100-80GB,8\n", ["GPU-a-0", "GPU-a-1", None]),
        ("cluster,pool,accelerator,quantity\neast,train,A100-80GB,8\n", ["GPU-a-0", "GPU-a-1", None]),
    ],
)
def test_imported_capacity_wins(ledger: Ledger, capacity: str, left: list[str | None]) -> None:
    bring(ledger, ONE.segment(1, 20))
    ledger.bring("capacity", capacity)
    ledger.run()

    found = inventory.take(ledger.lake, {}).capacity["device_id"].sort(nulls_last=True).to_list()
    assert found == left


def test_watched_is_what_records_cover(ledger: Ledger) -> None:
    bring(ledger, ONE.segment(1, 10), ONE.segment(11, 20), ONE.segment(31, 40))
    taken = inventory.take(ledger.lake, {})
    (span,) = inventory.spans(taken, None)

    spans = inventory.watched(taken, span, ONE.at(5), ONE.at(35)).filter(device_id="GPU-a-1")
    assert spans.rows() == [("GPU-a-1", ONE.at(5), ONE.at(21)), ("GPU-a-1", ONE.at(31), ONE.at(35))]
    assert inventory.watched(taken, span, 0, 1).is_empty()


def test_records_are_parts_and_whole_devices_and_tell_of_health(ledger: Ledger, tmp_path: Path) -> None:
    bring(ledger, ONE.segment(1, 50))
    ledger.bring("samples", "device_id,start,end,busy\nGPU-a-0,2025-01-30T23:00:00Z,2025-01-30T23:01:00Z,40\n")
    taken = inventory.take(ledger.lake, {})
    (span,) = inventory.spans(taken, None)
    partition = inventory.partition(taken, span, span.start, span.start + 2 * 24 * HOUR, (), {}, 0)

    kinds = partition.samples.group_by("device_id", "workload_id", "part", "rank").len("n")
    assert kinds.sort(pl.all(), nulls_last=True).rows() == [
        ("GPU-a-0", "w1", True, 0, 50), ("GPU-a-0", None, False, 0, 50), ("GPU-a-0", None, False, 9, 1),
        ("GPU-a-1", None, False, 0, 50),
    ]  # fmt: skip
    assert partition.health.rows() == [(f"GPU-a-{i}", ONE.at(49), ONE.at(50)) for i in range(2)]
    assert partition.watched.rows() == [(f"GPU-a-{i}", ONE.at(1), ONE.at(51)) for i in range(2)]


def test_the_longest_then_the_busiest_record_counts(ledger: Ledger) -> None:
    """Two agents on one node, or one that was started anew, may tell of one time twice."""
    for stream, length, busy in (("s1", 600, 600), ("s2", 900, 90), ("s3", 900, 180), ("s4", 900, 0)):
        names = Names([Device(uuid="GPU-1", name=H100)], [], [])
        bring(ledger, replace(ONE, stream=stream).told(1, 1, names, [Record(0, UNKNOWN, MIDNIGHT, length, busy)]))
    rows = told(ledger)["records"]

    assert rows.select(pl.col("end_ms") - pl.col("start_ms"), "busy_ppm").rows() == [(900, 200_000)]


PLACES = st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(["train", "dev"]), st.integers(0, 2))
"""Node, pool, and when it was told (in hours)."""
HELD = st.tuples(
    st.integers(0, 3), st.integers(0, 1), st.integers(0, 5), st.integers(1, 30), st.sampled_from([250_000, 1_000_000])
)
STATED = [
    "",
    "device_id,pool,accelerator\nGPU-0,dev,A100-40GB\n",
    "cluster,node,accelerator,quantity\neast,node-a,A100-40GB,2\n",
    "cluster,pool,accelerator,quantity\neast,train,A100-40GB,3\n",
]


@settings(max_examples=12, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(PLACES, st.lists(HELD, max_size=4)), min_size=1, max_size=5), st.sampled_from(STATED))
def test_no_world_of_agents_is_refused(
    told: list[tuple[tuple[str, str, int], list[tuple[int, int, int, int, int]]]], stated: str
) -> None:
    """The checks rebuild holdings and capacity from what agents told by another path; devices move, shares change."""
    a100 = "NVIDIA A100-SXM4-40GB"
    devices = [Device(uuid=f"GPU-{i}", name=a100) for i in (0, 1)]
    devices += [Device(uuid=f"MIG-{i}", name=a100, parent="GPU-1", profile="3g.20gb") for i in (0, 1)]
    names = Names(devices, [Workload(id=f"w{i}", kind="user") for i in (0, 1)], [])
    with TemporaryDirectory() as folder:
        ledger = made(Path(folder) / "p")
        if stated:
            ledger.bring("capacity", stated)
        for n, ((agent, pool, hour), held) in enumerate(told, 1):
            start = MIDNIGHT + hour * 9 * HOUR
            records = [Record(d, UNKNOWN, start, 10 * HOUR, d * HOUR) for d in range(4)]
            holdings = [Holding(d, w, start + s * HOUR, start + (s + n) * HOUR, q, 0) for d, w, s, n, q in held]
            bring(ledger, Node(agent, stream=f"s{n}", pool=pool).told(1, 1, names, records, holdings))
        ledger.run()
        assert ledger.run().publication is None
