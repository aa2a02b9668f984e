from __future__ import annotations

from pathlib import Path

import pytest

from accounting.inputs.segments import decode
from collector.central.findings import Activity, Findings
from collector.central.sound import sound
from collector.central.telling import batch_of, tell
from collector.spool.names import Interner
from collector.spool.spool import Spool
from collector.wire import LIMITS, NOTES, TABLES, UNKNOWN
from tests.collected import allocated, counted, device, held, pod, quoted, stocked
from tests.collector.telling import HEADER
from tests.segments import MIDNIGHT

END = MIDNIGHT + 60_000
WHO, ONE = pod("a"), device(0)
SOUND = Findings(
    activity=[Activity(ONE, WHO, [(MIDNIGHT, 60_000, 5, *[UNKNOWN] * 7, 0, 0)])],
    holds=[held(ONE, WHO, MIDNIGHT, END)],
    allocated=[allocated(WHO, 2, MIDNIGHT, END)],
    stocked=[stocked(4, MIDNIGHT, END)],
    counted=[counted(WHO, "m", MIDNIGHT, END, requests=3)],
    quoted=[quoted("q", 4, 6, MIDNIGHT, END)],
)
COLUMNS = [(table, name) for table, columns in LIMITS.items() for name in columns if table != "notes"]


@pytest.mark.parametrize(("table", "name"), COLUMNS)
def test_a_row_with_a_value_that_cannot_be_is_left_out_alone(table: str, name: str) -> None:
    batch = batch_of(SOUND, Interner())
    (good,) = getattr(batch, table)
    for value in (LIMITS[table][name][1], LIMITS[table][name][0] - 1):
        setattr(batch, table, [good, good._replace(**{name: value})])
        left, lost = sound(batch)

        assert lost == 1
        assert getattr(left, table) == [good]
        assert all(len(getattr(left, other)) == len(getattr(batch, other)) for other in TABLES if other != table)


def test_the_rest_is_told_with_a_note_and_taken_by_accounting(tmp_path: Path) -> None:
    spool = Spool(tmp_path, HEADER)
    absurd = counted(WHO, "m", MIDNIGHT, END, output_tokens=10**30)
    tell(spool, Findings(activity=SOUND.activity, counted=[absurd, *SOUND.counted]))
    spool.seal()
    offer = spool.offer()
    assert offer is not None
    told = decode(offer.data)
    spool.close()

    assert told.column("served", "requests").tolist() == [3]
    assert told.column("notes", "value").tolist() == [1]
    assert [NOTES[kind] for kind in told.column("notes", "kind").tolist()] == ["overflow"]
