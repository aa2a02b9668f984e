"""However the time is divided and the series are told: what counters counted is what rows say."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from collector.central.findings import Counted
from collector.central.series import Series
from tests.collector.serving.reading import HOUR, SECOND, read_in_spans, scrapes, totals

LENGTH = 4000
PODS = ("a-0", "b-0")
MODELS = ("llama", "qwen")
"""`qwen` is loaded later than `llama`: its counters appear with its first request."""

serving = st.lists(
    st.tuples(
        st.integers(2, 400),  # seconds; starts of a process within one second are one
        st.sampled_from(["", "", "", "", "restart", "failed"]),
        st.integers(0, 5),
        st.integers(0, 5),
        st.integers(0, 2000),
    ),
    min_size=1,
    max_size=25,
)
edges = st.sets(st.integers(1, LENGTH - 1), max_size=12).map(lambda cuts: (0, *sorted(cuts), LENGTH))


def exposition(counts: dict[str, list[int]], began: int | None) -> str:
    lines = [] if began is None else [f"process_start_time_seconds {HOUR // SECOND + began}"]
    for model, (requests, written) in counts.items():
        lines += [
            f'vllm:request_success_total{{model_name="{model}",finished_reason="stop"}} {requests}',
            f'vllm:generation_tokens_total{{model_name="{model}"}} {written}',
        ]
    return "\n".join(lines)


def play(
    events: list[tuple[int, str, int, int, int]], started: bool
) -> tuple[dict[int, str | None], dict[str, list[int]]]:
    """Scrapes of a server, and what it counted in all: requests and tokens by model.

    A restart loses nothing here, as it comes at the instant of the scrape before it; it is told by the process's start,
    or (not `started`) by counters that fall to 0: all are there from the start then.
    """
    at, began = 1, -1000
    fresh = {model: [0, 0] for model in (("llama",) if started else MODELS)}
    counts = dict(fresh)
    total = {model: [0, 0] for model in MODELS}
    texts: dict[int, str | None] = {0: exposition(counts, began if started else None)}
    for after, kind, first, second, tokens in events:
        if at + after > LENGTH:
            break
        if kind == "restart" and texts[max(texts)] is not None:
            began, counts = max(texts), dict(fresh)
            if not started:
                texts[at := at + 2] = exposition(counts, None)
        at = max(at, *texts) + after
        for model, requests in (("llama", first), ("qwen", second)):
            if requests:
                amounts = [requests, requests * tokens]
                counts[model] = [a + b for a, b in zip(counts.get(model, [0, 0]), amounts, strict=True)]
                total[model] = [a + b for a, b in zip(total[model], amounts, strict=True)]
        texts[at] = None if kind == "failed" else exposition(counts, began if started else None)
    texts[at + 1] = exposition(counts, began if started else None)
    return texts, total


def expected(totals_of: dict[str, dict[str, list[int]]]) -> dict[tuple[str, str], tuple[int, int]]:
    return {
        (pod, model): (requests, written)
        for pod, models in totals_of.items()
        for model, (requests, written) in models.items()
        if requests or written
    }


def found_totals(rows: list[Counted]) -> dict[tuple[str, str], tuple[int, int]]:
    return {(pod, model): (r, o) for (pod, model, _), (r, _, o, _) in totals(rows).items()}


@given(st.tuples(serving, serving), st.booleans(), edges, st.randoms(use_true_random=False))
def test_rows_add_up_to_what_was_counted(both, started, cuts, random) -> None:  # type: ignore[no-untyped-def]
    found: list[Series] = []
    counted: dict[str, dict[str, list[int]]] = {}
    for pod, events in zip(PODS, both, strict=True):
        texts, counted[pod] = play(events, started)
        found += scrapes(texts, pod)
    random.shuffle(found)

    rows, happened = read_in_spans(found, (-1, *cuts, LENGTH + 500))
    whole, same = read_in_spans(found, (-1, LENGTH + 500))

    assert found_totals(rows) == found_totals(whole) == expected(counted)
    assert sorted(happened, key=str) == sorted(same, key=str)
    assert_honest(rows)


def assert_honest(rows: list[Counted]) -> None:
    by_key: dict[tuple[str, str], list[Counted]] = {}
    for row in rows:
        assert row.start_ms < row.end_ms
        assert row.start_ms // 3_600_000 == (row.end_ms - 1) // 3_600_000
        by_key.setdefault((row.workload.id, row.model), []).append(row)
    for several in by_key.values():
        assert all(a.end_ms <= b.start_ms for a, b in pairwise(several))
