from __future__ import annotations

from collector.central.findings import Findings
from collector.central.reach import since
from tests.collected import allocated, device, held, pod, quoted


def test_nothing_is_told_of_the_time_before_the_first_reading() -> None:
    one, who = device(0), pod("a")
    found = Findings(
        holds=[held(one, who, 10, 100), held(one, who, 60, 100), held(one, who, 10, 50)],
        allocated=[
            allocated(who, 1, 10, 100),
            allocated(who, 1, None, 100, submitted=10),
            allocated(who, 1, 10, 50),
        ],
        quoted=[quoted("q", 4, 6, 10, 100), quoted("q", 4, 5, 100, 110)],
    )
    left = since(found, 50)

    assert [(h.start_ms, h.until_ms) for h in left.holds] == [(50, 100), (60, 100)]
    assert [(a.submitted_ms, a.start_ms) for a in left.allocated] == [(None, 50), (10, None)]
    assert [(q.start_ms, q.until_ms) for q in left.quoted] == [(50, 100), (100, 110)]
