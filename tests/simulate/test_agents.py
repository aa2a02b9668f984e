"""What agents write of the simulated company, read again as the wire has it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest

from accounting.inputs.importing import silent
from accounting.simulate.demo import INBOXES, INPUTS, build_demo, simulate
from accounting.simulate.segments import DAMAGED, LATE, LOST, TWICE
from accounting.simulate.segments import silent as untold
from accounting.simulate.shipping import planes
from accounting.simulate.verdict import judge
from accounting.simulate.world import World, build
from collector import wire
from tests.simulate.conftest import PLAN

HOUR = 3_600_000


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Inboxes that nobody has taken anything from, with records of a minute."""
    folder = tmp_path_factory.mktemp("shipped")
    simulate(msgspec.structs.replace(PLAN, interval=60), folder, silent, inputs=True)
    return folder / INPUTS


@pytest.fixture(scope="module")
def segments(shipped: Path) -> dict[str, wire.Segment]:
    """Every segment by its name, as it arrived last."""
    files = [file for inbox in INBOXES for file in sorted((shipped / inbox).rglob("*.seg"))]
    return {file.name: wire.read_segment(file.read_bytes()) for file in files}


def batches(segments: dict[str, wire.Segment]) -> Iterator[tuple[wire.Segment, wire.Batch]]:
    for segment in segments.values():
        for block in segment.blocks:
            yield segment, wire.batch_of(block)


def test_planes_are_those_of_the_wire() -> None:
    table = np.random.default_rng(1).integers(-(1 << 60), 1 << 60, (14, 50))
    batch = wire.Batch(records=[wire.Record(*(int(v) for v in row)) for row in table.T])
    tables = dict.fromkeys(wire.TABLES, (0, b"")) | {"records": (50, planes(table))}
    block = wire.Block(1, 9, wire.Names(), tables)

    assert wire.encode_planes("s", block) == wire.encode_block("s", 1, 9, batch)
    assert planes(np.empty((14, 0), dtype=np.int64)) == b""


def test_a_demo_made_again_tells_nothing_twice(tmp_path: Path) -> None:
    """As after a kill just before its end: what was ingested and published stays."""
    plan = msgspec.structs.replace(PLAN, devices=24, days=3, interval=60)
    first = build_demo(plan, tmp_path, silent)
    again = build_demo(plan, tmp_path, silent)
    shipped = build(plan.window, plan.devices).segments
    late, lost = (shipped.filter(fate=fate).height for fate in (LATE, LOST))

    assert [tally.segments for tally in again.tallies] == [0, 0]
    assert [tally.known for tally in again.tallies] == [shipped.height - late - lost - 1, late + 2]
    assert all(a.segments > b.known - 2 for a, b in zip(first.tallies, again.tallies, strict=True)), (
        "and collected ones"
    )
    assert [report.publication for report in again.runs] == [None, None]
    assert again.project.lake.scan_quarantine().collect().height == 1
    assert judge(again.project, tmp_path).failures == []


def test_every_segment_is_sound_in_the_end(segments: dict[str, wire.Segment], world: World) -> None:
    assert all(segment.sealed and not segment.wrong for segment in segments.values())
    assert len(segments) == world.segments.filter(pl.col("fate") != LOST).height


def test_inboxes_have_what_the_company_says(shipped: Path, world: World) -> None:
    fates = dict(world.segments.group_by("fate").len().iter_rows())
    before, after = ([*(shipped / inbox).rglob("*.seg")] for inbox in INBOXES)
    damaged = [file for file in before if wire.read_segment(file.read_bytes()).wrong]

    assert (fates[LOST], fates[TWICE], fates[DAMAGED]) == (1, 1, 1)
    assert len(damaged) == 1
    assert len(before) == world.segments.height - fates[LOST] - fates[LATE]
    assert len(after) == fates[LATE] + fates[TWICE] + fates[DAMAGED]
    assert {file.name for file in damaged} < {file.name for file in after}


def test_a_restart_begins_a_stream_that_names_the_one_before(segments: dict[str, wire.Segment]) -> None:
    streams: dict[str, int] = {}
    for segment in segments.values():
        streams[segment.header.stream] = max(streams.get(segment.header.stream, 0), segment.blocks[-1].last)
    later = {s.header.stream: s.header for s in segments.values() if s.header.previous}

    assert len(streams) == len(later) + 1 > 1
    assert all(header.previous_last == streams[header.previous] for header in later.values())


def test_devices_are_told_once_wherever_agents_saw_them(segments: dict[str, wire.Segment], world: World) -> None:
    told = sum(r.length_ms for _, b in batches(segments) for r in b.records if r.workload == wire.UNKNOWN)
    places = world.places.filter(pl.col("node").str.starts_with("fleet-")).select("place")
    online = world.online.join(places, on="place")
    gone = world.outages.join(places, on="place")

    assert told == int((online["end"] - online["start"]).sum()) - int((gone["end"] - gone["start"]).sum())
    assert untold(world.segments).height >= 2


def test_a_broken_device_tells_nothing_of_what_it_did(segments: dict[str, wire.Segment], world: World) -> None:
    sick = [r for _, b in batches(segments) for r in b.records if r.health]
    notes = [n for _, b in batches(segments) for n in b.notes]

    assert sick
    assert {(r.busy_ms, r.sm_ms, r.tensor_ms, r.workload) for r in sick} == {(wire.UNKNOWN,) * 4}
    assert {wire.NOTES[n.kind] for n in notes} == {"xid"}


def test_parts_add_up_to_the_device(segments: dict[str, wire.Segment]) -> None:
    """To a millisecond each, wherever all of a shared device is told by parts."""
    off = []
    for _, batch in batches(segments):
        shared = {r.device for r in batch.records if r.workload != wire.UNKNOWN}
        for device in shared:
            mine = [r for r in batch.records if r.device == device and r.busy_ms != wire.UNKNOWN]
            whole, parts = (sum(r.busy_ms for r in mine if (r.workload == -1) == flag) for flag in (True, False))
            off.append((abs(whole - parts), len(mine)))

    assert len(off) > 50
    assert all(difference <= count for difference, count in off)


def test_holdings_are_told_until_they_end(segments: dict[str, wire.Segment], world: World) -> None:
    ends: dict[tuple[str, str, int], tuple[int, int]] = {}
    for _, batch in batches(segments):
        for h in batch.holdings:
            key = (batch.names.devices[h.device].uuid, batch.names.workloads[h.workload].id, h.start_ms)
            ends[key] = max(ends.get(key, (0, 0)), (h.until_ms, h.closed))
    held = world.holdings.join(world.places, on="place").filter(pl.col("node").str.starts_with("fleet-"))
    named = held.join(world.attempts.select("attempt", "workload_id", "open"), on="attempt")
    true = named.select("device_id", "workload_id", "start", "end", (~pl.col("open")).cast(pl.Int64))

    assert ends == {(d, w, start): (end, closed) for d, w, start, end, closed in true.iter_rows()}
    assert [end - start for (_, _, start), (end, _) in ends.items() if end - start < 15_000]
