"""Segments become rows: what arrays decode is what the wire says, and MIG instances stand as parts of their device."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounting import inventory
from accounting.accelerators import canonical
from accounting.inputs import observations
from accounting.inputs.segments import decode
from accounting.inputs.telling import frames
from collector import wire
from collector.wire import (
    UNKNOWN,
    Batch,
    Device,
    Group,
    Holding,
    Names,
    Note,
    Place,
    Quota,
    Record,
    Unreadable,
    Workload,
)
from tests.segments import H100, HOUR, MIDNIGHT, Node, Segment
from tests.test_ingest import bring, made

A100 = "NVIDIA A100-SXM4-40GB"
NODE = Node()
NAMES = Names([Device(uuid="GPU-1", name=H100)], [Workload(id="w", kind="user", trust="hint")], ["text"])
ANY = st.integers(-(1 << 40), 1 << 40)
AMOUNT, BITS = st.integers(-1, 1 << 40), st.integers(0, (1 << 31) - 1)
MEASURES = st.tuples(*[AMOUNT] * 8, BITS, BITS)
TIME = st.integers(MIDNIGHT, MIDNIGHT + HOUR)


def recorded(workload: int, start_ms: int, length_ms: int, measures: tuple[int, ...]) -> Record:
    return Record(0, workload, start_ms, length_ms, *measures)


@given(
    st.lists(
        st.tuples(
            st.lists(st.builds(recorded, st.integers(-1, 0), TIME, st.integers(1, HOUR), MEASURES), max_size=5),
            st.lists(st.builds(Holding, st.just(0), st.just(0), TIME, TIME, st.just(1), st.just(1)), max_size=3),
            st.lists(st.builds(Note, TIME, st.just(-1), st.integers(0, 10), ANY, st.just(0)), max_size=3),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_arrays_decode_what_the_wire_says(batches: list[tuple[list[Record], list[Holding], list[Note]]]) -> None:
    header, stream = NODE.header, NODE.stream
    data = wire.encode_header(header)
    for n, (records, holdings, notes) in enumerate(batches, 1):
        names = NAMES if n == 1 else Names([], [], [])
        data += wire.encode_block(stream, n, n, Batch(names, records, holdings, notes))
    told = decode(data + wire.encode_end(stream, 1, len(batches)))

    assert (told.first, told.last, told.names) == (1, len(batches), NAMES)
    for i, table in enumerate(wire.TABLES):
        expected = [tuple(row) for batch in batches for row in batch[i]] if i < 3 else []
        assert [tuple(row) for row in told.tables[table].T.tolist()] == expected


@pytest.mark.parametrize(
    ("segment", "reason"),
    [
        (NODE.told(1, 1, NAMES, [Record(1, 0, MIDNIGHT, 1)]), "device of records"),
        (NODE.told(1, 1, NAMES, [Record(0, 1, MIDNIGHT, 1)]), "workload of records"),
        (NODE.told(1, 1, NAMES, [Record(0, 0, -5, 1)]), "start_ms of records"),
        (NODE.told(1, 1, NAMES, [Record(0, 0, 1 << 43, 1)]), "start_ms of records"),
        (NODE.told(1, 1, NAMES, [Record(0, 0, MIDNIGHT, 0)]), "length_ms of records"),
        (NODE.told(1, 1, NAMES, [], [Holding(0, -1, MIDNIGHT, MIDNIGHT + 1, 1, 0)]), "workload of holdings"),
        (NODE.told(1, 1, NAMES, [], [Holding(0, 0, MIDNIGHT, MIDNIGHT + 1, 1_000_001, 0)]), "share_ppm of holdings"),
        (NODE.told(1, 1, NAMES, [], [], [Note(1, 0, 99, 0, 0)]), "kind of notes"),
        (NODE.told(1, 1, NAMES, [], [], [Note(1, 0, 0, 0, 1)]), "text of notes"),
    ],
)
def test_positions_and_times_that_cannot_be_are_refused(segment: Segment, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        decode(segment.data)


@pytest.mark.parametrize(
    "column", ["group", "queue", "cohort", "flavor", "start_ms", "until_ms", "nominal_ppm", "used_ppm"]
)
def test_quotas_that_cannot_be_are_refused(column: str) -> None:
    sound = Quota(0, 0, UNKNOWN, 0, MIDNIGHT, MIDNIGHT + 1, 0, 0)
    names = Names([], [], ["text"], [Group(place=Place(), accelerator=H100)])
    assert decode(quotas_told(names, sound)).latest_ms == MIDNIGHT + 1
    for value in (UNKNOWN - 1, 1 << 43):
        with pytest.raises(Unreadable, match=f"{column} of quotas"):
            decode(quotas_told(names, sound._replace(**{column: value})))


def quotas_told(names: Names, *quotas: Quota) -> bytes:
    block = wire.encode_block(NODE.stream, 1, 1, Batch(names, quotas=list(quotas)))
    return wire.encode_header(NODE.header) + block + wire.encode_end(NODE.stream, 1, 1)


def test_a_segment_that_was_never_sealed_is_refused() -> None:
    segment = NODE.segment(1, 3)
    with pytest.raises(Unreadable, match="never sealed"):
        decode(segment.data[: -len(wire.encode_end("s1", 1, 3))])
    with pytest.raises(Unreadable, match="no batches"):
        decode(wire.encode_header(NODE.header) + wire.encode_end("s1", 1, 0))


def test_names_of_many_segments_do_not_mix() -> None:
    told = [decode(Node(agent, gpus=gpus, held=held).segment(1, 2).data) for agent, gpus, held in
            (("a", 2, 1), ("b", 1, 0), ("c", 3, 3))]  # fmt: skip
    together = frames(told)

    for name, frame in together.items():
        assert frame.equals(pl.concat([frames([one])[name] for one in told])), name
    assert together["agent_notes"].is_empty()
    assert frames([told[1]])["agent_holdings"].is_empty()


def test_unknown_stays_unknown_and_measures_stay_in_bounds() -> None:
    records = [
        Record(0, UNKNOWN, MIDNIGHT, 1000),
        Record(0, 0, MIDNIGHT, 1000, 1001, 333, 0, 5, 2_000_000, 9, 77, 1, 6, 16),
        Record(0, 0, MIDNIGHT + 1000, 3, 1, 2),
    ]
    rows = frames([decode(NODE.told(1, 1, NAMES, records).data)])["agent_records"]

    measures = ["busy_ppm", "sm_active_ppm", "tensor_active_ppm", "memory_bytes", "energy_mj", "health", "flags"]
    assert rows.select(measures).rows() == [
        (None, None, None, None, None, 0, 0),
        (1_000_000, 333_000, 0, 2000, 77, 6, 16),
        (333_333, 666_667, None, None, None, 0, 0),
    ]


def instances(*profiles: str, name: str = A100) -> list[Device]:
    cut = [Device(uuid=f"MIG-{i}", name=name, parent="GPU-1", profile=p) for i, p in enumerate(profiles)]
    return [Device(uuid="GPU-1", name=name), *cut]


def sampled(tmp_path: Path, *segments: Segment) -> list[tuple[object, ...]]:
    """Device, workload, start (ms after midnight), busy and energy of what the core gets."""
    ledger = made(tmp_path / "p")
    bring(ledger, *segments)
    taken = inventory.take(ledger.lake, {})
    (span,) = inventory.spans(taken, None)
    samples = inventory.partition(taken, span, span.start, span.start + 24 * HOUR, (), {}, 0).samples
    rows = samples.select("device_id", "workload_id", pl.col("start_ms") - MIDNIGHT, "busy_ppm", "energy_mj")
    return rows.sort(pl.all(), nulls_last=True).rows()


HOLDERS = [Workload(id="w", kind="user"), Workload(id="v", kind="user")]


def test_instances_stand_as_parts_of_their_device(tmp_path: Path) -> None:
    names = Names(instances("1g.5gb", "3g.20gb", "1g.5gb", "2g.10gb"), HOLDERS, [])
    records = [
        Record(0, UNKNOWN, MIDNIGHT, 1000, energy_mj=9),
        Record(1, 0, MIDNIGHT, 1000, 700, energy_mj=5),  # two instances of w
        Record(2, 0, MIDNIGHT, 500, 500, energy_mj=6),
        Record(1, UNKNOWN, MIDNIGHT, 1000, 999),  # all of an instance whose holder was told apart
        Record(3, UNKNOWN, MIDNIGHT, 1000, 350),  # the holder is known
        Record(4, UNKNOWN, MIDNIGHT, 1000, 900),  # nobody holds it
        Record(3, UNKNOWN, MIDNIGHT + 9000, 1000, 350),  # nobody holds it any more
    ]
    held = [Holding(3, 1, MIDNIGHT, MIDNIGHT + 5000, 1_000_000, 0)]
    first, second = NODE.told(1, 1, names, records), NODE.told(2, 2, names, [], held)

    assert sampled(tmp_path, first, second) == [
        ("GPU-1", "v", 0, 142_857 * 350 // 1000, None),
        ("GPU-1", "w", 0, (142_857 * 700 // 1000 * 1000 + 500_000 * 500) // 1000, 11),
        ("GPU-1", None, 0, None, 9),
    ]


def test_a_sum_with_an_unknown_part_is_unknown(tmp_path: Path) -> None:
    names = Names(instances("1g.5gb", "1g.5gb"), HOLDERS, [])
    records = [Record(1, 0, MIDNIGHT, 1000, 700), Record(2, 0, MIDNIGHT, 1000)]

    assert sampled(tmp_path, NODE.told(1, 1, names, records)) == [("GPU-1", "w", 0, None, None)]


def test_an_instance_of_two_holders_is_nobodys(tmp_path: Path) -> None:
    names = Names(instances("1g.5gb"), HOLDERS, [])
    held = [Holding(1, w, MIDNIGHT, MIDNIGHT + 5000, 500_000, 0) for w in (0, 1)]

    assert sampled(tmp_path, NODE.told(1, 1, names, [Record(1, UNKNOWN, MIDNIGHT, 1000, 700)], held)) == []


@pytest.mark.parametrize(
    ("device", "whole", "held"),
    [
        (Device(uuid="M", name=A100, parent="GPU-1", profile="1g.5gb"), A100, f"{A100} MIG 1g.5gb"),
        (Device(uuid="M", name=f"{A100} MIG 1g.5gb", parent="GPU-1", profile="1g.5gb"), A100, f"{A100} MIG 1g.5gb"),
        (Device(uuid="M", name=f"{A100} MIG 1g.5gb", parent="elsewhere"), A100, f"{A100} MIG 1g.5gb"),
    ],
)
def test_holders_of_instances_have_a_share_of_the_device(device: Device, whole: str, held: str) -> None:
    names = Names([Device(uuid="GPU-1", name=A100), device], HOLDERS, [])
    segment = NODE.told(1, 1, names, [Record(1, 0, MIDNIGHT, 1)], [Holding(1, 0, MIDNIGHT, MIDNIGHT + 1, 1_000_000, 0)])
    made_of = frames([decode(segment.data)])

    assert made_of["agent_devices"]["accelerator"].to_list() == [whole]
    assert made_of["agent_holdings"]["accelerator"].to_list() == [held]
    assert canonical(held, {}).name == "A100-40GB"
    assert canonical(held, {}).chips == Decimal("0.142857143")


def test_an_instance_of_an_unknown_device_has_its_share_by_memory() -> None:
    def busy(memory: int) -> list[int | None]:
        parent, part = instances("1g.5gb", name="NVIDIA X")
        names = Names([replace_memory(parent, memory), part], HOLDERS, [])
        rows = frames([decode(NODE.told(1, 1, names, [Record(1, 0, MIDNIGHT, 1000, 1000)]).data)])["agent_records"]
        return rows["busy_ppm"].to_list()

    assert busy(40 << 30) == [142_857]
    assert busy(UNKNOWN) == [None]


def replace_memory(device: Device, memory: int) -> Device:
    return Device(uuid=device.uuid, name=device.name, memory_bytes=memory)


def test_two_like_instances_of_one_holder_are_two_holdings(tmp_path: Path) -> None:
    names = Names(instances("1g.5gb", "1g.5gb"), HOLDERS, [])
    records = [Record(d, UNKNOWN, MIDNIGHT, HOUR) for d in (0, 1, 2)]
    ledger = made(tmp_path / "p")
    for n, until in ((1, HOUR), (2, 2 * HOUR)):
        held = [Holding(d, 0, MIDNIGHT, MIDNIGHT + until, 1_000_000, n - 1) for d in (1, 2)]
        bring(ledger, NODE.told(n, n, names, records, held))
    ledger.run()

    assert observations.holdings(ledger.lake).select("instance_id", "until_ms", "closed").rows() == [
        ("MIG-0", MIDNIGHT + 2 * HOUR, 1), ("MIG-1", MIDNIGHT + 2 * HOUR, 1),
    ]  # fmt: skip
    held_hours = ledger.project.query(
        "SELECT SUM(device_seconds) / 3600 AS h FROM usage WHERE workload_id = 'w'"
    ).item()
    assert round(float(held_hours), 3) == round(2 * 2 / 7, 3)


def test_notes_say_where_and_what() -> None:
    names = Names(instances("1g.5gb"), [], ["fell off the bus"])
    notes = [Note(MIDNIGHT, 1, 0, 79, 0), Note(MIDNIGHT + 1, -1, 7, -1, -1)]
    rows = frames([decode(replace(NODE, agent="n").told(1, 1, names, [], [], notes).data)])["agent_notes"]

    assert rows.rows() == [
        ("agent", "east", "node-n", "MIG-0", MIDNIGHT, "xid", 79, "fell off the bus"),
        ("agent", "east", "node-n", None, MIDNIGHT + 1, "dropped", None, None),
    ]
