"""Segments as an agent writes them, for tests and benchmarks: made with the wire alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from collector import wire
from collector.wire import UNKNOWN, Batch, Device, Header, Holding, Names, Note, Record, Workload

MIDNIGHT = 1_738_281_600_000
"""2025-01-31, UTC."""
HOUR = 3_600_000
WINDOW = 600_000
H100 = "NVIDIA H100 80GB HBM3"


@dataclass(frozen=True)
class Segment:
    """Batches `first` to `last` of a stream, and the bytes that tell them."""

    agent: str
    stream: str
    first: int
    last: int
    data: bytes

    @property
    def name(self) -> str:
        return wire.object_name(self.agent, self.stream, self.first, self.last)

    def put(self, inbox: Path) -> Path:
        path = inbox / self.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.data)
        return path


@dataclass(frozen=True)
class Node:
    """A node whose agent observes `gpus` devices in windows of `window` ms; batch n tells of the n-th window."""

    agent: str = "a"
    stream: str = "s1"
    cluster: str = "east"
    pool: str = "train"
    gpus: int = 2
    start: int = MIDNIGHT
    window: int = WINDOW
    held: int = 1
    previous: str = ""
    previous_last: int = 0
    busy: int = 50
    workload: Workload = field(
        default_factory=lambda: Workload(
            id="w1", kind="kubernetes", uid="u-1", namespace="ml", claims={"team": "red", "model": "m"}
        )
    )

    @property
    def header(self) -> Header:
        return Header(
            agent=self.agent, stream=self.stream, first=1, node=f"node-{self.agent}", cluster=self.cluster,
            pool=self.pool, provider="gcp", region="r1", purchase="spot", previous=self.previous,
            previous_last=self.previous_last,
        )  # fmt: skip

    def segment(self, first: int, last: int) -> Segment:
        """`held` of the devices are held from the start on; their activity is the workload's too."""
        devices = [Device(uuid=f"GPU-{self.agent}-{i}", name=H100) for i in range(self.gpus)]
        until = self.start + last * self.window
        records = [
            Record(d, w, self.at(n), self.window, self.worked(n, d), health=int(n % 50 == 49))
            for n in range(first, last + 1)
            for d in range(self.gpus)
            for w in (UNKNOWN, *([0] if d < self.held else []))
        ]
        holdings = [Holding(d, 0, self.start, until, 1_000_000, 0) for d in range(self.held)]
        return self.told(first, last, Names(devices, [self.workload], []), records, holdings)

    def at(self, n: int) -> int:
        return self.start + (n - 1) * self.window

    def worked(self, n: int, device: int) -> int:
        return 0 if device >= self.held or n % 7 < 2 else self.window * self.busy // 100

    def told(
        self,
        first: int,
        last: int,
        names: Names,
        records: Sequence[Record],
        holdings: Sequence[Holding] = (),
        notes: Sequence[Note] = (),
    ) -> Segment:
        """A sealed segment with these rows."""
        header = msgspec.structs.replace(self.header, first=first)
        whole = wire.joined([Batch(names, list(records), list(holdings), list(notes))])
        block = wire.encode_block(self.stream, first, last, whole)
        data = wire.encode_header(header) + block + wire.encode_end(self.stream, first, last)
        return Segment(self.agent, self.stream, first, last, data)
