"""Where counting starts, starts anew, and ends."""

from __future__ import annotations

import pytest

from collector.serving import Memory
from collector.wire import UNKNOWN
from tests.collector.serving.reading import HOUR, SECOND, pod, read, read_in_spans, scrapes, totals
from tests.fakes.exposition import scraped

U = UNKNOWN
START = HOUR // SECOND


def tokens(output: float, reasons: dict[str, float] | None = None, began: float | None = None) -> str:
    """A vLLM server; `began`: seconds after the hour."""
    lines = [f'vllm:generation_tokens_total{{model_name="m",engine="0"}} {output}']
    for reason, value in (reasons or {}).items():
        lines.append(f'vllm:request_success_total{{model_name="m",engine="0",finished_reason="{reason}"}} {value}')
    if began is not None:
        lines.append(f"process_start_time_seconds {START + began}")
    return "\n".join(lines)


def of(output: int, requests: int = U) -> dict[tuple[str, str, str], tuple[int, int, int, int]]:
    return {("a-0", "m", "vllm"): (requests, U, output, U)}


def test_a_first_scrape_tells_nothing_of_the_time_before() -> None:
    assert read(scrapes({30: tokens(500)}), 60) == ([], [])
    assert totals(read(scrapes({30: tokens(500), 45: tokens(501)}), 60)[0]) == of(1)


def test_a_first_scrape_counts_whole_if_the_process_started_while_we_read() -> None:
    young = scrapes({30: tokens(500, began=10)})
    old = scrapes({30: tokens(500, began=-10)})

    rows, happened = read(young, 60)

    assert totals(rows) == of(500)
    assert (rows[0].start_ms, rows[0].end_ms) == (HOUR + 10 * SECOND, HOUR + 30 * SECOND)
    assert happened == []
    assert read(old, 60) == ([], [])


def test_points_before_the_first_span_tell_from_where_it_goes_on() -> None:
    found = scrapes({-15: tokens(100), 15: tokens(130), 45: tokens(150), 75: tokens(1000)})

    assert totals(read(found, 60)[0]) == of(50)


def test_what_was_counted_before_the_first_span_is_not_told_in_it() -> None:
    found = scrapes({-45: tokens(50), -30: tokens(90), -15: tokens(4), 15: tokens(30), 45: tokens(50)})

    assert (totals(read(found, 60)[0]), read(found, 60)[1]) == (of(46), [])


def test_a_point_that_came_late_is_part_of_the_next_increment() -> None:
    memory = Memory()
    read(scrapes({0: tokens(0), 30: tokens(100)}), 60, memory=memory)

    rows, _ = read(scrapes({30: tokens(100), 50: tokens(120), 75: tokens(130)}), 120, since=60, memory=memory)

    assert totals(rows) == of(30)


def test_a_process_that_started_in_an_earlier_span_counts_whole_too() -> None:
    found = scrapes({70: tokens(500, began=50)})

    assert totals(read_in_spans(found, (0, 60, 120))[0]) == of(500)


def test_a_counter_that_falls_began_anew_and_what_was_lost_is_a_gap_and_not_made_up() -> None:
    rows, happened = read(scrapes({0: tokens(100), 30: tokens(150), 60: tokens(20)}), 60)

    assert totals(rows) == of(70)
    assert [(one.at_ms, one.event.kind, one.event.value) for one in happened] == [
        (HOUR + 60_000, "counter_gap", 30_000)
    ]
    assert "serving/a-0: m" in happened[0].event.text


def test_a_restart_that_overtakes_is_seen_by_the_start_of_the_process() -> None:
    texts = {30: tokens(150, began=-900), 60: tokens(400, began=42)}

    for found in (read(scrapes(texts), 120), read_in_spans(scrapes(texts), (0, 45, 120))):
        assert totals(found[0]) == of(400)
        assert [one.event.value for one in found[1]] == [12_000]


def test_a_restart_that_overtakes_is_seen_by_another_counter_of_the_process_that_falls() -> None:
    texts = {0: tokens(100, {"stop": 50}), 30: tokens(150, {"stop": 9})}

    rows, happened = read(scrapes(texts), 60)

    assert totals(rows) == of(150, 9)
    assert [one.event.value for one in happened] == [30_000]


def test_a_gap_is_as_long_as_nobody_had_looked_at_any_counter() -> None:
    texts = {
        0: tokens(100, {"stop": 50, "length": 3}),
        30: tokens(150, {"stop": 60}),
        60: tokens(1, {"stop": 1, "length": 1}),
    }

    rows, happened = read(scrapes(texts), 60)

    assert totals(rows) == of(51, 10 + 1 + 1)
    assert [one.event.value for one in happened] == [30_000]


@pytest.mark.parametrize("late", ["0", "1"])
def test_of_processes_that_begin_anew_at_once_the_longest_gap_is_told(late: str) -> None:
    text = 'vllm:generation_tokens_total{{model_name="m",engine="{}"}} {}'
    both = {at: "\n".join(text.format(i, n) for i in ("0", "1")) for at, n in ((0, 5), (60, 1))}

    _, happened = read(scrapes({**both, 30: text.format(late, 7)}), 60)

    assert [one.event.value for one in happened] == [60_000]


def test_another_process_goes_on_when_one_begins_anew() -> None:
    texts = "\n".join('vllm:generation_tokens_total{{model_name="{}"}} {}'.format(*one) for one in (("a", 9), ("b", 9)))
    later = texts.replace('"a"} 9', '"a"} 3').replace('"b"} 9', '"b"} 11')

    rows, happened = read(scrapes({0: texts, 30: later}), 60)

    assert totals(rows) == {("a-0", "a", "vllm"): (U, U, 3, U), ("a-0", "b", "vllm"): (U, U, 2, U)}
    assert len(happened) == 1


@pytest.mark.parametrize("edges", [(0, 300), (0, 60, 120, 300), (0, 100, 300)])
def test_a_counter_that_is_not_told_at_a_new_beginning_goes_on_from_zero(edges: tuple[int, ...]) -> None:
    found = scrapes(
        {
            30: tokens(100, {"stop": 5, "length": 5}),
            60: tokens(20, {"stop": 1}),
            110: tokens(30, {"stop": 2}),
            130: tokens(80, {"stop": 2, "length": 7}),
        }
    )

    rows, happened = read_in_spans(found, edges)

    assert totals(rows) == of(80, 2 + 7)
    assert [one.event.value for one in happened] == [30_000]


def test_a_sum_begins_anew_with_its_histograms_count() -> None:
    text = "tgi_request_generated_tokens_sum {}\ntgi_request_generated_tokens_count {}"
    found = scrapes({0: text.format(1000, 50), 30: text.format(1200, 4)})

    rows, happened = read(found, 60)

    assert totals(rows) == {("a-0", "serving/a-0", "tgi"): (U, U, 1200, U)}
    assert len(happened) == 1


@pytest.mark.parametrize("edges", [(0, 120), (0, 60, 120)])
def test_a_series_that_appears_in_a_process_that_was_scraped_starts_at_zero(edges: tuple[int, ...]) -> None:
    found = scrapes({30: tokens(0), 75: tokens(40, {"stop": 3})})

    rows, happened = read_in_spans(found, edges)

    assert totals(rows) == of(40, 3)
    assert happened == []


def test_a_server_that_answers_before_it_has_any_counter_was_scraped() -> None:
    success = "tgi_request_success {}"
    found = scrapes({0: "", 30: success.format(4)})
    silent = scrapes({0: None, 30: success.format(4)})

    assert totals(read(found, 60)[0]) == {("a-0", "serving/a-0", "tgi"): (4, U, U, U)}
    assert read(silent, 60) == ([], [])


def test_a_series_that_disappears_ends_at_its_last_value() -> None:
    found = scrapes({0: tokens(10, {"stop": 1}), 30: tokens(20, {"stop": 3}), 60: tokens(30), 90: tokens(30)})

    assert totals(read(found, 120)[0]) == of(20, 2)


def test_a_scrape_that_failed_is_made_up_for_by_the_next() -> None:
    found = scrapes({0: tokens(10), 30: None, 60: tokens(70)})

    assert totals(read(found, 60)[0]) == of(60)


def test_what_is_no_number_is_dropped() -> None:
    found = scrapes({0: tokens(10), 30: tokens(float("nan")), 60: tokens(70), 90: tokens(float("inf"))})

    rows, happened = read(found, 120)

    assert (totals(rows), happened) == (of(60), [])


def test_replicas_are_not_mixed() -> None:
    found = [
        *scrapes({0: tokens(1000), 30: tokens(1010)}, "a-0"),
        *scrapes({0: tokens(5), 30: tokens(7)}, "a-1"),
    ]

    assert totals(read(found, 60)[0]) == {
        ("a-0", "m", "vllm"): (U, U, 10, U),
        ("a-1", "m", "vllm"): (U, U, 2, U),
    }


def test_another_pod_behind_an_address_is_another_process() -> None:
    first = scraped({HOUR: tokens(1000), HOUR + 30_000: tokens(1010)}, pod("a-0"))
    second = scraped({HOUR + 60_000: tokens(3000), HOUR + 90_000: tokens(3001)}, {**pod("a-0"), "pod": "b-0"})

    assert totals(read([*first, *second], 120)[0]) == {
        ("a-0", "m", "vllm"): (U, U, 10, U),
        ("b-0", "m", "vllm"): (U, U, 1, U),
    }


def test_after_a_day_nothing_is_remembered() -> None:
    day = 86_400
    found = scrapes({10: tokens(100), day + 9: tokens(150)})
    later = scrapes({10: tokens(100), day + 11: tokens(150), day + 41: tokens(151)})
    edges = (0, 60, day, day + 60)

    assert totals(read_in_spans(found, edges)[0]) == of(50)
    assert totals(read_in_spans(later, edges)[0]) == of(1)


def test_an_old_process_that_was_forgotten_does_not_count_again() -> None:
    day = 86_400
    found = scrapes({10: tokens(100, began=5), day + 30: tokens(150, began=5), day + 50: tokens(155, began=5)})

    assert totals(read_in_spans(found, (0, 60, day, day + 60))[0]) == of(100 + 5)


def test_memory_is_bounded() -> None:
    memory = Memory()
    read(scrapes({10: tokens(100), 20: tokens(200, {"stop": 1}, began=5)}), 60, memory=memory)
    assert memory.lasts
    assert memory.scraped
    assert memory.models

    read([], 86_460, since=86_400, memory=memory)

    assert memory == Memory(since_ms=HOUR)
