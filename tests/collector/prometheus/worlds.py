"""Small worlds: series that are on the stand-in for as long as they are read."""

from __future__ import annotations

from collections.abc import Callable

from accounting.simulate.apis.prometheus import Prometheus, Stored
from collector.prometheus.config import Prometheus as Config
from collector.prometheus.source import PrometheusSource
from tests.collector.prometheus.telling import Told, read, spans

START = 1_772_323_200_000
STEP = 60_000

GPU = {"UUID": "GPU-1", "gpu": "0", "device": "nvidia0", "modelName": "Tesla T4", "job": "dcgm", "instance": "n:1"}


def minute(i: float) -> int:
    return START + round(i * STEP)


def series(
    name: str, value: float | Callable[[int], float | None], minutes: range = range(61), /, **labels: str
) -> Stored:
    """A point a minute; None: no point."""
    points = [(minute(i), float(v)) for i in minutes if (v := value(i) if callable(value) else value) is not None]
    return Stored({"__name__": name, **labels}, points)


def told(stored: list[Stored], *edges: int, **config: object) -> Told:
    """What a new source says of an hour, cut at some minutes."""
    server = Prometheus(stored)
    try:
        source = PrometheusSource(Config(url=server.url, **config))  # type: ignore[arg-type]
        return read(source, spans(START, *map(minute, edges), minute(60)))
    finally:
        server.close()
