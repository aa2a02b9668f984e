from __future__ import annotations

from collector.central.series import Series
from tests.collector.serving.reading import HOUR, read_in_spans, scrapes, totals
from tests.fakes.vllm import DAY, LOADING, Served, replicas, served


def scraped(every: int) -> list[Series]:
    found: list[Series] = []
    for i, one in enumerate(replicas()):
        texts = {at: one.exposition(at, HOUR // 1000) for at in range(i, DAY, every)}
        found += scrapes(texts, one.pod)
    return found


def test_a_day_of_two_models_is_exact_across_a_restart() -> None:
    rows, happened = read_in_spans(scraped(30), range(-3600, DAY + 1, 3600))

    found: dict[str, Served] = {}
    requests: dict[str, int] = {}
    for (_, model, _), (count, prompt, generation, _) in totals(rows).items():
        found[model] = found.get(model, Served()).plus(Served(prompt=prompt, generation=generation))
        requests[model] = requests.get(model, 0) + count
    expected = served(replicas(), DAY)
    assert {m: (s.prompt, s.generation) for m, s in found.items()} == {
        m: (s.prompt, s.generation) for m, s in expected.items()
    }
    assert requests == {m: s.stop + s.length for m, s in expected.items()}
    [gap] = happened
    assert gap.event.kind == "counter_gap"
    assert 0 < gap.event.value <= 30_000
    assert "llama-1" in gap.event.text
    assert 45_000 + LOADING <= (gap.at_ms - HOUR) / 1000 < 45_000 + LOADING + 30
