"""A day of vLLM: two models of two replicas each, one of which is drained, restarted and started again.

Names and labels are those of vLLM's documentation "Production Metrics" (0.10 and later).
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from random import Random
from typing import NamedTuple

from accounting.simulate.apis.prometheus import Stored
from tests.fakes.exposition import scraped

DAY = 86_400
DRAINED = 120
"""Seconds without a request before a restart, so that whoever scrapes more often loses nothing."""
LOADING = 90


class Served(NamedTuple):
    """Finished requests by reason, and their tokens."""

    stop: int = 0
    length: int = 0
    prompt: int = 0
    generation: int = 0

    def plus(self, other: Served) -> Served:
        return Served(*(a + b for a, b in zip(self, other, strict=True)))

    def minus(self, other: Served) -> Served:
        return Served(*(a - b for a, b in zip(self, other, strict=True)))


class Replica:
    """One pod. `starts`: seconds of the day at which its process starts, LOADING seconds before it answers."""

    def __init__(self, pod: str, model: str, starts: tuple[int, ...], *, seed: int) -> None:
        self.pod, self.model, self.starts = pod, model, starts
        requests = sorted(self._requests(Random(seed)))
        self._at = [at for at, _ in requests]
        self._sums = [Served(), *accumulate((served for _, served in requests), Served.plus)]

    def _requests(self, random: Random) -> list[tuple[int, Served]]:
        """Some 1,700 for each process that runs all day."""
        found: list[tuple[int, Served]] = []
        for start, end in zip(self.starts, (*self.starts[1:], DAY), strict=True):
            at = start + LOADING
            while (at := at + random.randint(1, 100)) < end - DRAINED:
                length = random.random() < 0.2
                tokens = random.randint(10, 4000), random.randint(1, 900)
                found.append((at, Served(int(not length), int(length), *tokens)))
        return found

    def served(self, at: int) -> Served:
        """What it has served by a second of the day, over all its processes."""
        return self._sums[bisect_right(self._at, at)]

    def exposition(self, at: int, day: int) -> str | None:
        """What it tells at a second of the day that begins at `day` (Unix seconds); None: it does not answer."""
        running = [start for start in self.starts if start <= at]
        if not running or at < running[-1] + LOADING:
            return None
        served = self.served(at).minus(self.served(running[-1]))
        return _exposition(self.model, served, day + running[-1])


def replicas() -> tuple[Replica, ...]:
    """The day's; the second llama is restarted at noon and a half, the second qwen is scaled up in the evening."""
    return (
        Replica("llama-0", "meta-llama/Llama-3.1-8B-Instruct", (60,), seed=1),
        Replica("llama-1", "meta-llama/Llama-3.1-8B-Instruct", (60, 45_000), seed=2),
        Replica("qwen-0", "Qwen/Qwen2.5-7B-Instruct", (60,), seed=3),
        Replica("qwen-1", "Qwen/Qwen2.5-7B-Instruct", (64_800,), seed=4),
    )


def served(several: tuple[Replica, ...], at: int) -> dict[str, Served]:
    """By model, by a second of the day."""
    found: dict[str, Served] = {}
    for one in several:
        found[one.model] = found.get(one.model, Served()).plus(one.served(at))
    return found


def stored(day: int, step: int) -> list[Stored]:
    """What a Prometheus has of the day that begins at `day` (Unix seconds) and scrapes every `step` seconds."""
    found: list[Stored] = []
    for number, one in enumerate(replicas()):
        target = {"job": "vllm", "instance": f"10.0.0.{number}:8000", "namespace": "serve", "pod": one.pod}
        texts = {(day + at) * 1000: one.exposition(at, day) for at in range(0, DAY + 1, step)}
        found += [Stored({"__name__": s.name, **s.labels}, s.points) for s in scraped(texts, target)]
    return found


def _exposition(model: str, served: Served, started: int) -> str:
    labels = f'engine="0",model_name="{model}"'
    return f"""\
# HELP process_start_time_seconds Start time of the process since unix epoch in seconds.
# TYPE process_start_time_seconds gauge
process_start_time_seconds {started}.0
# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{{{labels}}} 0.0
# HELP vllm:prompt_tokens_total Number of prefill tokens processed.
# TYPE vllm:prompt_tokens_total counter
vllm:prompt_tokens_total{{{labels}}} {served.prompt}.0
# HELP vllm:generation_tokens_total Number of generation tokens processed.
# TYPE vllm:generation_tokens_total counter
vllm:generation_tokens_total{{{labels}}} {served.generation}.0
# HELP vllm:request_success_total Count of successfully processed requests.
# TYPE vllm:request_success_total counter
vllm:request_success_total{{{labels},finished_reason="stop"}} {served.stop}.0
vllm:request_success_total{{{labels},finished_reason="length"}} {served.length}.0
vllm:request_success_total{{{labels},finished_reason="abort"}} 0.0
# HELP vllm:iteration_tokens_total Histogram of number of tokens per engine_step.
# TYPE vllm:iteration_tokens_total histogram
vllm:iteration_tokens_total_sum{{{labels}}} {served.prompt + served.generation}.0
vllm:iteration_tokens_total_bucket{{{labels},le="+Inf"}} {served.generation}.0
vllm:iteration_tokens_total_count{{{labels}}} {served.generation}.0
"""
