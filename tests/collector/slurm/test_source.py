"""A day of a cluster, read in pieces: what stays is what happened, however it was read."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.central.findings import Span, Unanswered
from collector.slurm.config import Slurm
from collector.slurm.source import SlurmSource
from tests.collector.slurm.day import JOBS, NODES, day, truth
from tests.collector.slurm.watching import Watcher, held, waits
from tests.fakes.slurm.cluster import Attempt, Cluster, Node, at, ms

EVERY_10_MINUTES = range(at("08:00"), at("13:31"), 600)
EVERY_HALF_HOUR = range(at("08:00"), at("13:31"), 1800)
PARSERS = [("v0.0.39", "23.02.6"), ("v0.0.41", "24.05.4")]


@pytest.mark.parametrize(("parser", "release"), PARSERS)
def test_the_day(tmp_path: Path, parser: str, release: str) -> None:
    watcher = Watcher(day(tmp_path, parser=parser, release=release), at("08:00"))
    watcher.read_all(EVERY_10_MINUTES)

    assert held(watcher.allocated) == truth(at("13:30"))
    assert all("--json" in line for line in watcher.cluster.asked())
    assert waits(watcher.allocated) == {
        ("102", "a100", 8, at("08:10"), at("08:30"), False),  # read at 08:40, it had just begun
        ("105", "a100", 8, at("09:05"), at("09:50"), True),
        ("1200_7", "a100", 1, at("09:15"), at("09:40"), False),
        ("1200_8", "a100", 1, at("09:15"), at("10:10"), False),
        ("1300+0", "a100", 2, at("10:00"), at("10:10"), False),
        ("1300+1", "a100", 4, at("10:00"), at("10:10"), False),
        ("110", "a100", 2, at("11:30"), at("11:40"), False),
    }


def test_who(tmp_path: Path) -> None:
    watcher = Watcher(day(tmp_path), at("08:00"))
    watcher.read_all([at("09:00"), at("09:30")])

    ones = {one.workload.id: one for one in watcher.allocated if one.start_ms}
    array, het = ones["1200_0"].workload, ones["102"]
    assert (array.kind, array.uid, array.user, array.account, array.namespace, array.cluster, array.trust) == (
        "slurm",
        "1201",
        "bob",
        "bio",
        "gpu",
        "hpc",
        "fact",
    )
    assert (het.priority, het.submitted_ms, het.group.place.cluster) == (4294, ms("08:10"), "hpc")


@settings(deadline=None, max_examples=6)
@given(st.sets(st.integers(at("08:00") + 1, at("13:29")), max_size=5), st.sampled_from(PARSERS), st.booleans())
def test_any_division_into_spans_tells_the_same(ends: set[int], parser: tuple[str, str], back_filled: bool) -> None:
    # Back-filled: all spans are read after the day, but for the last they are told by sacct alone.
    with TemporaryDirectory() as folder:
        watcher = Watcher(day(Path(folder), parser=parser[0], release=parser[1]), at("08:00"))
        for end in [*sorted(ends), at("13:30")]:
            watcher.read(end, at("13:30") if back_filled else None)

        assert held(watcher.allocated) == truth(at("13:30"))


def test_a_span_read_twice_tells_the_same(tmp_path: Path) -> None:
    watcher = Watcher(day(tmp_path), at("08:00"))
    watcher.read(at("09:20"))
    memory = watcher.source.memory()
    first = watcher.read(at("10:16"))
    source = SlurmSource(watcher.config, watcher.cluster.now_ms)
    source.remember(memory)

    assert source.read(Span(ms("09:20"), ms("10:16"))) == first
    source.remember(b"")
    assert source.memory() == b""


def test_a_controller_that_is_away_is_caught_up_with(tmp_path: Path) -> None:
    cluster = day(tmp_path)
    watcher = Watcher(cluster, at("08:00"))
    watcher.read(at("09:00"))
    cluster.controller_down = True
    memory = watcher.source.memory()
    for end in (at("09:10"), at("11:00")):
        with pytest.raises(Unanswered, match=r"^squeue: slurm_load_jobs error: Unable to contact slurm controller"):
            watcher.read(end)
    assert watcher.source.memory() == memory
    cluster.controller_down = False
    watcher.read_all([at("11:30"), at("13:30")])

    assert held(watcher.allocated) == truth(at("13:30"))


def test_slurmdbd_away(tmp_path: Path) -> None:
    watcher = Watcher(day(tmp_path, database_down=True), at("08:00"))
    with pytest.raises(Unanswered, match="sacct: sacct: error: slurm_persist_conn_open_without_init"):
        watcher.read(at("09:00"))


def test_a_late_slurmdbd(tmp_path: Path) -> None:
    cluster = day(tmp_path, late=2 * 3600)
    watcher = Watcher(cluster, at("08:00"), Slurm(folder=str(tmp_path), cluster="hpc", lookback=0))
    watcher.read_all(EVERY_HALF_HOUR)
    # What ran at a reading is told from squeue at once, until it was last seen; nothing is told beyond its end.
    early = held(watcher.allocated)
    ends = {(row[0], row[5]): row[6] for row in truth(at("13:30"))}
    assert all(row[6] <= ends[row[0], row[5]] for row in early)
    assert ("102", "gpu", "", "a100", 8, at("08:40"), at("12:30"), False, "RUNNING") in early

    cluster.late = 0
    watcher.read(at("13:40"))
    short = {row for row in truth(at("13:40")) if row[0] == "104"}
    assert held(watcher.allocated) == truth(at("13:40")) - short
    late = Watcher(cluster, at("13:40"), Slurm(folder=str(tmp_path), cluster="hpc", lookback=5 * 3600))
    late.read(at("13:41"))
    assert short <= held(late.allocated)


def test_a_job_of_which_slurmdbd_lost_the_end_is_not_told_on(tmp_path: Path) -> None:
    lost = Attempt(7, at("08:00"), at("08:00"), at("09:00"))
    cluster = Cluster(tmp_path, [lost], NODES, late=86_400 * 9)
    watcher = Watcher(cluster, at("08:00"))
    watcher.read_all([at("08:30"), at("09:10"), at("10:00")])
    assert held(watcher.allocated) == {
        ("7", "gpu", "cn001", "a100", 2, at("08:00"), at("08:30"), False, "RUNNING"),
    }
    assert [line for line in cluster.asked() if "--jobs" in line][-1] == "sacct -a -X -D --jobs=7 --json"

    watcher.read_all([at("10:00") + 86_400 * 4, at("10:10") + 86_400 * 4])
    assert "--jobs" not in cluster.asked()[-1]


def test_what_completes_has_ended(tmp_path: Path) -> None:
    watcher = Watcher(day(tmp_path, completing=1200), at("08:00"))
    watcher.read_all(EVERY_HALF_HOUR)
    assert held(watcher.allocated) == truth(at("13:30"))


def test_commands_are_asked_in_utc_for_what_overlaps(tmp_path: Path) -> None:
    cluster = day(tmp_path)
    Watcher(cluster, at("08:00")).read(at("09:00"))
    assert cluster.asked() == [
        "squeue -a --json",
        "scontrol -a show nodes --json",
        "sacct -a -X -D --starttime=2025-03-03T07:50:00 --endtime=2025-03-03T09:00:00 --json",
    ]


def test_a_slurm_without_json(tmp_path: Path) -> None:
    cluster = day(tmp_path, parser="")
    watcher = Watcher(cluster, at("08:00"))
    with pytest.raises(Unanswered, match="squeue: squeue: fatal: Unable to find plugin: serializer/json; install"):
        watcher.read(at("09:00"))
    with pytest.raises(Unanswered, match=r"scontrol: .*; install"):
        watcher.read(at("09:00"), at("12:00"))


def test_lines_of_sacct_stand_in_for_its_json(tmp_path: Path) -> None:
    # As of an installation whose sacct alone is older.
    cluster = day(tmp_path)
    script = (
        (tmp_path / "sacct")
        .read_text()
        .replace(
            '    if "--json" in words:\n',
            '    if "--json" in words:\n        fail("sacct: unrecognized option --json")\n',
            1,
        )
    )
    (tmp_path / "sacct").write_text(script)
    watcher = Watcher(cluster, at("08:00"))
    watcher.read_all([at("09:00"), at("10:00"), at("13:30")])
    assert held(watcher.allocated) == truth(at("13:30"))
    assert {one.workload.id for one in watcher.allocated if one.closed and one.start_ms is None} == {"105"}


def test_an_answer_with_an_error_is_none(tmp_path: Path) -> None:
    cluster = day(tmp_path)
    (tmp_path / "squeue").write_text(
        '#!/bin/sh\necho \'{"jobs": [], "errors": [{"description": "Protocol error"}]}\'\n'
    )
    with pytest.raises(Unanswered, match=r"^squeue: Protocol error$"):
        Watcher(cluster, at("08:00")).read(at("09:00"))
    (tmp_path / "squeue").write_text("#!/bin/sh\necho '{\"error\": 1}'\n")
    with pytest.raises(Unanswered, match=r"^squeue --json: not understood: .*jobs"):
        Watcher(cluster, at("08:00")).read(at("09:00"))


def test_no_slurm(tmp_path: Path) -> None:
    source = SlurmSource(Slurm(folder=str(tmp_path)), lambda: 0)
    with pytest.raises(Unanswered, match=r"^squeue: not found; set `folder` to where Slurm's commands are$"):
        source.read(Span(0, 1000))


def test_a_command_that_hangs(tmp_path: Path) -> None:
    cluster = day(tmp_path)
    (tmp_path / "squeue").write_text("#!/bin/sh\nexec sleep 9\n")
    config = Slurm(folder=str(tmp_path), timeout=0.2)
    with pytest.raises(Unanswered, match=r"^squeue: no answer within 0.2 s$"):
        Watcher(cluster, at("08:00"), config).read(at("09:00"))


def test_clusters_of_one_slurmdbd(tmp_path: Path) -> None:
    cluster = day(tmp_path)
    config = Slurm(folder=str(tmp_path), clusters=("hpc",), pool="all")
    watcher = Watcher(cluster, at("08:00"), config)
    watcher.read(at("09:00"))
    assert {(one.group.place.cluster, one.workload.cluster) for one in watcher.allocated} == {("hpc", "hpc")}
    groups = [one.group for one in watcher.allocated] + [one.group for one in watcher.stocked]
    assert {group.place.pool for group in groups} == {"all"}
    assert all(" -M hpc " in line for line in cluster.asked())

    both = Watcher(cluster, at("08:00"), Slurm(folder=str(tmp_path), clusters=("hpc", "other")))
    with pytest.raises(Unanswered, match="No cluster 'other'"):
        both.read(at("09:00"))
    assert both.source.memory() == b""


def stock(watcher: Watcher, node: str) -> list[tuple[int, int, str]]:
    return [
        (one.start_ms // 1000, one.until_ms // 1000, one.condition)
        for one in watcher.stocked
        if one.group.place.node == node and one.quantity_ppm
    ]


def test_capacity(tmp_path: Path) -> None:
    watcher = Watcher(day(tmp_path), at("08:50"), Slurm(folder=str(tmp_path), every=600))
    watcher.read_all(range(at("09:00"), at("12:11"), 600))

    found = stock(watcher, "cn002")
    assert all(end == start for (_, end, _), (start, _, _) in pairwise(found))
    conditions = {end: condition for _, end, condition in found}
    assert [
        conditions[at(f"{clock}")] for clock in ("09:00", "09:10", "09:30", "09:40", "11:20", "11:30", "12:00")
    ] == [
        "ready",
        "unhealthy",
        "unhealthy",
        "ready",
        "ready",
        "maintenance",
        "ready",
    ]
    assert stock(watcher, "cn003")[-1][1] == at("10:50")
    assert {(one.group.place.pool, one.group.accelerator, one.quantity_ppm) for one in watcher.stocked} == {
        ("gpu", "a100", 8_000_000),
        ("old", "v100", 4_000_000),
        ("old", "v100", 0),
    }


def test_a_condition_stands_for_two_readings_at_most(tmp_path: Path) -> None:
    watcher = Watcher(day(tmp_path), at("06:00"))
    watcher.read_all([at("09:00"), at("09:01"), at("10:00")])
    assert stock(watcher, "cn001") == [
        (at("08:58"), at("09:00"), "ready"),
        (at("09:00"), at("09:01"), "ready"),
        (at("09:58"), at("10:00"), "ready"),
    ]


def test_what_is_now_is_not_told_of_before(tmp_path: Path) -> None:
    watcher = Watcher(day(tmp_path), at("08:00"))
    found = watcher.read(at("09:00"), at("10:05"))
    assert not found.stocked
    assert all(one.start_ms is not None for one in found.allocated)
    assert "110" not in {one.workload.id for one in found.allocated}
    assert not any(line.startswith("squeue") for line in watcher.cluster.asked())


def test_types_that_only_nodes_know(tmp_path: Path) -> None:
    untyped = "cpu=4,gres/gpu=2,node=1"
    jobs = [
        Attempt(1, at("08:00"), at("08:10"), at("09:05"), untyped),
        Attempt(2, at("08:00"), at("08:10"), at("09:05"), untyped, nodes="cn[001,003]"),
        Attempt(3, at("08:00"), None, None, untyped, nodes="", partition="old,gpu"),
        Attempt(4, at("08:00"), None, None, untyped, nodes="", partition="mixed"),
        Attempt(5, at("08:00"), at("08:10"), at("09:05"), "gres/gpu:a100=1,gres/gpu=2"),
    ]
    nodes = [Node("cn001", partitions=("gpu", "mixed")), Node("cn003", "gpu:v100:4", ("old", "mixed"))]
    cluster = Cluster(tmp_path, jobs, nodes)
    watcher = Watcher(cluster, at("08:00"))
    watcher.read(at("09:00"))
    assert {(row[0], row[1]) for row in waits(watcher.allocated)} == {("3", "v100"), ("4", "gpu")}
    # A node that is gone keeps its type: the end of its jobs must be told of the same accelerator.
    cluster.nodes = nodes[1:]
    watcher.read(at("09:10"))

    assert {(row[0], row[3], row[4], row[7]) for row in held(watcher.allocated)} == {
        ("1", "a100", 2, True),
        ("2", "gpu", 2, True),
        ("5", "a100", 2, True),
    }
    assert {one.group.place.pool for one in watcher.allocated if one.workload.id == "3"} == {"old"}


def test_jobs_without_accelerators_are_not_remembered(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path, [job for job in JOBS if job.number == 106], NODES)
    watcher = Watcher(cluster, at("08:00"))
    watcher.read(at("10:00"))
    assert watcher.allocated == []
    assert b"106" not in watcher.source.memory()
