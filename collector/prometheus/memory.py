"""What the next span needs to know of the time before it."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from statistics import median_low

import msgspec
from msgspec import Struct, field

from collector import serving
from collector.central.findings import Allocated
from collector.central.series import Last
from collector.holders import Hold
from collector.prometheus.pod import Pod
from collector.prometheus.resources import Node

DEFAULT_STEP_MS = 60_000
_ENOUGH = 3


class Memory(Struct):
    """By name, `holds` by device and holder: see each field's producer.

    `steps`: ms between two scrapes, by what is scraped. `alive`: when who told of pods told last. `read_ms`: all up to
    here is told; None: nothing was read yet.
    """

    read_ms: int | None = None
    pods: dict[str, Pod] = {}
    nodes: dict[str, Node] = {}
    alive: dict[str, int] = {}
    holds: dict[str, dict[str, Hold]] = {}
    energy: dict[str, Last] = {}
    xids: dict[str, float] = {}
    queues: dict[str, Allocated] = {}
    steps: dict[str, int] = {}
    serving: serving.Memory = field(default_factory=serving.Memory)

    def step_ms(self, what: str, every: Iterable[list[int]]) -> int:
        """The usual distance of instants of scraping, in whole seconds; remembered for where there are too few."""
        gaps = [b - a for instants in every for a, b in pairwise(instants)]
        if len(gaps) >= _ENOUGH or (gaps and what not in self.steps):
            self.steps[what] = max(1000, (median_low(gaps) + 500) // 1000 * 1000)
        return self.steps.get(what, DEFAULT_STEP_MS)

    @property
    def reach_ms(self) -> int:
        """So long before a span points are read, so that its first points are known to follow others."""
        return max(300_000, 3 * max(self.steps.values(), default=0))


encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(Memory)


def decode(data: bytes) -> Memory:
    """The memory that was encoded; an empty one of b''."""
    return _decoder.decode(data) if data else Memory()
