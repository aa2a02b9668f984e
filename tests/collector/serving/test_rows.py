"""What a row covers, which rows there are, and how many models a workload may name."""

from __future__ import annotations

from itertools import pairwise

import msgspec

from collector.central.findings import Counted
from collector.central.series import Series
from collector.serving import Memory
from tests.collector.serving.reading import HOUR, SECOND, read, read_in_spans, scrapes, totals, workload_of

STEP = 15


def growing(until: int, since: int = 0, step: int = STEP, name: str = "a-0") -> list[Series]:
    """A vLLM server that writes a token a second."""
    text = 'vllm:generation_tokens_total{{model_name="m"}} {}'
    return scrapes({at: text.format(at - since) for at in range(since, until + 1, step)}, name)


def lengths(rows: list[Counted]) -> list[tuple[float, float, int]]:
    return [((r.start_ms - HOUR) / SECOND, (r.end_ms - HOUR) / SECOND, r.output_tokens) for r in rows]


def test_increments_of_a_minute_are_one_row_and_rows_touch_at_scrapes() -> None:
    rows, _ = read(growing(200, since=10), 240)

    assert lengths(rows) == [(10, 55, 45), (55, 115, 60), (115, 175, 60), (175, 190, 15)]


def test_a_row_holds_the_facts_of_its_workload() -> None:
    [row] = read(growing(30), 60)[0]

    assert (row.workload, row.model, row.engine) == (workload_of({"pod": "a-0"}), "m", "vllm")


def test_a_row_does_not_reach_over_the_hour_and_its_increment_is_the_new_hours() -> None:
    rows, _ = read(growing(3600 + 70, since=3600 - 40, step=30), 3700)

    assert lengths(rows) == [(3560, 3590, 30), (3600, 3650, 60)]


def test_what_nobody_looked_at_for_long_is_told_by_the_next_scrape() -> None:
    text = 'vllm:generation_tokens_total{{model_name="m"}} {}'
    rows, _ = read(scrapes({10: text.format(0), 1000: text.format(5)}), 1200)

    assert lengths(rows) == [(10, 1000, 5)]


def test_rows_of_targets_that_are_scraped_at_other_instants_do_not_overlap() -> None:
    ports = [growing(600, since=10), growing(600, since=20)]
    for one in ports[1]:
        one.labels["instance"] = "10.0.0.1:8001"

    rows, _ = read_in_spans([one for several in ports for one in several], (0, 50, 130, 660))

    assert sum(r.output_tokens for r in rows) == 585 + 570
    assert all(a.end_ms <= b.start_ms < b.end_ms for a, b in pairwise(rows))


def test_a_point_belongs_to_the_span_and_the_minute_that_end_with_it() -> None:
    rows, _ = read_in_spans(growing(120, step=30), (-60, 90, 120))

    assert lengths(rows) == [(0, 60, 60), (60, 90, 30), (90, 120, 30)]


def test_nothing_is_told_of_an_engine_that_counted_nothing() -> None:
    text = 'vllm:generation_tokens_total{model_name="m"} 7'

    assert read(scrapes({0: text, 30: text, 90: text}), 120) == ([], [])


def test_a_busy_time_of_zero_is_told() -> None:
    text = 'tgi_batch_forward_duration_sum{method="decode"} 7.5'

    rows, _ = read(scrapes({0: text, 30: text, 90: text}), 120)

    assert [(r.busy_ms, r.requests) for r in rows] == [(0, -1), (0, -1)]


def test_busy_seconds_are_rounded_before_they_are_divided() -> None:
    text = 'tgi_batch_forward_duration_sum{{method="decode"}} {}'
    found = scrapes({at: text.format(1 + at * 0.0004) for at in range(100)})

    whole = totals(read(found, 120)[0])
    parts = totals(read_in_spans(found, (0, 7, 11, 50, 120))[0])

    assert whole == parts == {("a-0", "serving/a-0", "tgi"): (-1, -1, -1, 40)}


def many(models: range, value: int) -> str:
    return "\n".join(f'vllm:generation_tokens_total{{model_name="m{i:04}"}} {value}' for i in models)


def test_models_beyond_a_hundred_are_one() -> None:
    rows, happened = read(scrapes({0: many(range(130), 0), 30: many(range(130), 2)}), 60)

    assert len(rows) == 101
    assert {r.output_tokens for r in rows if r.model != "other"} == {2}
    assert [r.output_tokens for r in rows if r.model == "other"] == [60]
    assert [(one.event.kind, one.event.value) for one in happened] == [("overflow", 30)]
    assert "serving/a-0" in happened[0].event.text


def test_models_that_are_known_keep_their_names_and_each_workload_has_a_hundred() -> None:
    late = {0: many(range(50, 130), 0), 30: many(range(50, 130), 2), 90: many(range(130), 4)}
    found = [*scrapes(late, "a-0"), *scrapes(late, "a-1")]

    rows, happened = read_in_spans(found, (0, 60, 120))

    named = {(r.workload.id, r.model) for r in rows}
    assert {("serving/a-0", f"m{i:04}") for i in range(50, 130)} < named
    assert len(named) == 2 * 101
    assert [one.event.value for one in happened] == [30, 30]


def test_names_of_models_are_bounded_in_length() -> None:
    text = 'vllm:generation_tokens_total{{model_name="' + "x" * 900 + '"}} {}'

    [row] = read(scrapes({0: text.format(0), 30: text.format(1)}), 60)[0]

    assert row.model == "x" * 200


def test_a_series_that_is_told_in_pieces_is_one() -> None:
    early, late = growing(120), growing(120)
    for one, other in zip(early, late, strict=True):
        one.points, other.points = one.points[:5], other.points[4:]

    assert lengths(read([*late, *early], 120)[0]) == lengths(read(growing(120), 120)[0])
    assert sum(r.output_tokens for r in read([*early, *late], 120)[0]) == 120


def test_memory_of_many_series_stays_small() -> None:
    memory = Memory()
    read(scrapes({0: many(range(100), 0), 30: many(range(100), 1)}), 60, memory=memory)

    assert len(msgspec.json.encode(memory)) < 100 * 250
