"""What was found is told whole, in batches that a spool can hold."""

from __future__ import annotations

from pathlib import Path

from collector.central import telling
from collector.central.findings import Activity, Findings
from collector.central.telling import MOST_ROWS, tell
from collector.rows import Happened
from collector.source import Event
from collector.spool.spool import Spool
from collector.wire import NOTES, TABLES, UNKNOWN, Batch, batch_of
from tests.collected import allocated, counted, device, group, held, pod, quoted, stocked
from tests.collector.telling import HEADER, segments
from tests.segments import MIDNIGHT

QUEUES = (("a", "all"), ("b", ""))


def told(folder: Path, found: Findings) -> list[Batch]:
    spool = Spool(folder, HEADER)
    assert tell(spool, found) == sum(len(getattr(b, t)) for b in told_by(spool, folder) for t in TABLES)
    spool.close()
    return [batch_of(block) for segment in segments(folder).values() for block in segment.blocks]


def told_by(spool: Spool, folder: Path) -> list[Batch]:
    spool.seal()
    return [batch_of(block) for segment in segments(folder).values() for block in segment.blocks]


def test_every_kind_of_finding_is_a_row_by_its_names(tmp_path: Path) -> None:
    one, who = device(0), pod("a")
    found = Findings(
        activity=[Activity(one, who, [(MIDNIGHT, 10, 5, *[UNKNOWN] * 7, 0, 0)])],
        holds=[held(one, who, MIDNIGHT, MIDNIGHT + 2_000)],
        allocated=[allocated(who, 2, None, MIDNIGHT + 5_000, submitted=900, closed=False)],
        stocked=[stocked(4, MIDNIGHT, MIDNIGHT + 5_000, "maintenance")],
        counted=[counted(who, "llama", MIDNIGHT, MIDNIGHT + 60_000, requests=3, output_tokens=9)],
        quoted=[quoted(queue, 4, 6, MIDNIGHT, MIDNIGHT + 5_000, cohort=cohort) for queue, cohort in QUEUES],
        happened=[Happened(at_ms=7, event=Event(kind="counter_gap", value=30_000, text="a llama"))],
    )
    (batch,) = told(tmp_path / "s", found)

    names = batch.names
    assert (names.devices, names.workloads, names.groups) == ([one], [who], [group(), group("n1"), group(pool="")])
    (record,) = batch.records
    assert (names.devices[record.device], names.workloads[record.workload], record.busy_ms) == (one, who, 5)
    (request,) = batch.allocations
    assert (request.start_ms, request.submitted_ms, request.closed, request.quantity_ppm) == (-1, 900, 0, 2_000_000)
    (stock,) = batch.stock
    assert (names.groups[stock.group].place.node, stock.condition) == ("n1", 1)
    (served,) = batch.served
    assert (names.texts[served.model], names.texts[served.engine]) == ("llama", "vllm")
    assert (served.requests, served.input_tokens, served.output_tokens, served.length_ms) == (3, -1, 9, 60_000)
    assert [(names.texts[q.queue], q.cohort == UNKNOWN or names.texts[q.cohort]) for q in batch.quotas] == [
        ("a", "all"),
        ("b", True),
    ]
    assert {(names.groups[q.group].place.pool, names.texts[q.flavor], *q[-4:]) for q in batch.quotas} == {
        ("", "h100", MIDNIGHT, MIDNIGHT + 5_000, 4_000_000, 6_000_000)
    }
    (note,) = batch.notes
    assert (NOTES[note.kind], note.value, names.texts[note.text]) == ("counter_gap", 30_000, "a llama")
    (hold,) = batch.holdings
    assert (hold.start_ms, hold.until_ms, hold.closed) == (MIDNIGHT, MIDNIGHT + 2_000, 1)


def test_much_is_told_in_parts(tmp_path: Path) -> None:
    rows = [(MIDNIGHT + n * 10, 10, 5, *[UNKNOWN] * 7, 0, 0) for n in range(MOST_ROWS + 5)]
    found = Findings(activity=[Activity(device(0), None, rows), Activity(device(1), None, rows[:7])])
    parts = list(telling._parts(found))

    assert [sum(len(a.rows) for a in part.activity) for part in parts] == [MOST_ROWS, 12]
    batches = told(tmp_path / "s", found)
    assert sorted(r.start_ms for b in batches for r in b.records if b.names.devices[r.device] == device(0)) == [
        row[0] for row in rows
    ]
