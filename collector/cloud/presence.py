"""What was there when, by the cells it told: holdings of containers, requests without devices, slices of TPUs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from msgspec import structs

from collector.central.findings import Allocated, Findings, Span, Stocked
from collector.cloud.answers import Answer
from collector.cloud.config import CloudMonitoring
from collector.cloud.grid import CELL_MS, bits, bridged, end_ms, first_cell, placed, runs
from collector.cloud.memory import Cover, Host, Memory
from collector.cloud.places import chips, place, pod, spot
from collector.cloud.subjects import Subject
from collector.holders import WHOLE, Hold
from collector.wire import Group, Workload

GAP_CELLS = 2
"""What told nothing for longer, while its host went on, has ended."""


class Piece(NamedTuple):
    """A time in which something was there, and whether it ended then."""

    since_ms: int
    until_ms: int
    closed: bool


class Presence:
    """Takes what a window shows, then tells what of it is new: no time twice, whatever comes late."""

    def __init__(self, config: CloudMonitoring, memory: Memory) -> None:
        self._config, self._memory = config, memory
        self._seen: dict[str, int] = {}

    def devices(self, found: Iterable[Subject]) -> None:
        """Of parts of devices: who held them; of TPUs: that their slices were there."""
        for subject in found:
            mask = 0
            for cells in subject.measures.values():
                mask |= bits(cells, self._memory.base)
            mask = _before(mask, subject.step)
            host = self._memory.hosts[subject.host]
            host.seen = max(host.seen, self._memory.base + mask.bit_length() - 1)
            if subject.workload is not None:
                cover = Cover(subject.host, subject.device, subject.workload)
                self._note(f"part\0{subject.key}", cover, mask)
            elif chips(subject.topology):
                self._slice(subject, host, mask)

    def requests(self, answers: list[Answer], settled: Span) -> None:
        """What pods ask for that no chip's series speak of: by resource, as nothing says what model it is.

        It waits until nothing more is looked for: a pod's chips may come to be known late.
        """
        with_chips = {_name(c.workload) for c in self._memory.covers.values() if c.workload and c.device}
        asked: dict[tuple[str, str], list[Answer]] = {}
        for answer in answers:
            name = _name(pod(self._config, answer.labels, answer.user))
            if answer.points and name not in with_chips:
                asked.setdefault((name, answer.labels.get("resource_name", "")), []).append(answer)
        for containers in asked.values():
            self._request(containers, settled)

    def tell(self, findings: Findings) -> None:
        """Adds what is new of all that was noted, and what has ended."""
        for key, cover in self._memory.covers.items():
            host = self._memory.hosts.get(cover.host)
            if host is None:
                continue
            fresh = _fresh(cover, self._seen.get(key, 0))
            if cover.workload is None:
                for first, last in runs(fresh, self._memory.base):
                    findings.stocked.append(
                        _stock(cover, end_ms(first - 1, host.phase_ms), end_ms(last, host.phase_ms))
                    )
                continue
            for piece in _pieces(cover, list(runs(fresh, self._memory.base)), host):
                if cover.device is not None:
                    findings.holds.append(_hold(cover, piece))
                else:
                    findings.allocated.append(_allocated(cover, piece))

    def _slice(self, subject: Subject, host: Host, mask: int) -> None:
        of = subject.device.place
        assert of is not None
        name = f"{subject.host.rpartition('/')[0]}={of.pool}"
        grid = self._memory.hosts.setdefault(name, Host(phase_ms=host.phase_ms))
        grid.seen = max(grid.seen, host.seen)
        group = Group(place=structs.replace(of, node=""), accelerator=subject.device.name)
        quantity = chips(subject.topology) * WHOLE
        shift = (host.phase_ms - grid.phase_ms + CELL_MS // 2) // CELL_MS
        cover = Cover(name, None, None, group, quantity)
        self._note(
            f"slice\0{name}\0{group.accelerator}\0{quantity}", cover, mask << shift if shift > 0 else mask >> -shift
        )

    def _request(self, containers: list[Answer], settled: Span) -> None:
        """What the containers of one pod ask for of one resource, which is one request."""
        labels = containers[0].labels
        workload = structs.replace(pod(self._config, labels, containers[0].user), container="")
        name = f"{spot('k8s_container', labels).scope}?requests"
        host = self._memory.hosts.setdefault(name, Host(phase_ms=containers[0].points[0][0] % CELL_MS))
        group = Group(place=place(self._config, labels), accelerator=labels.get("resource_name", ""))
        first, after = (first_cell(at, host.phase_ms) for at in settled)
        every = Counter[int]()
        for answer in containers:
            cells = placed(answer.points, host.phase_ms)
            every.update({cell: round(value * WHOLE) for cell, value in cells.items() if first <= cell < after})
        for cell, quantity in sorted(every.items()):
            if quantity > 0:
                host.seen = max(host.seen, cell)
                key = f"request\0{_name(workload)}\0{group.accelerator}\0{quantity}"
                self._note(key, Cover(name, None, workload, group, quantity), bits([cell], self._memory.base))

    def _note(self, key: str, cover: Cover, mask: int) -> None:
        known = self._memory.covers.setdefault(key, cover)
        known.host, known.device, known.workload, known.group = cover.host, cover.device, cover.workload, cover.group
        self._seen[key] = self._seen.get(key, 0) | mask


def _name(workload: Workload) -> str:
    return f"{workload.cluster}/{workload.id}"


def _before(mask: int, step: int) -> int:
    """A point of a coarse series stands for the cells before its own too."""
    for _ in range(step - 1):
        mask |= mask >> 1
    return mask


def _fresh(cover: Cover, seen: int) -> int:
    whole = bridged(cover.told | seen)
    fresh = whole & ~cover.told
    cover.told = whole
    return fresh


def _pieces(cover: Cover, fresh: list[tuple[int, int]], host: Host) -> Iterator[Piece]:
    changed = False
    for first, last in fresh:
        if cover.last and first == cover.last + 1:
            cover.last, changed = last, True
        elif last > cover.last:
            if cover.last:
                yield Piece(cover.since_ms, end_ms(cover.last, host.phase_ms), closed=True)
            cover.since_ms, cover.last, changed = end_ms(first - 1, host.phase_ms), last, True
        else:
            yield Piece(end_ms(first - 1, host.phase_ms), end_ms(last, host.phase_ms), closed=True)
    ended = cover.last > 0 and host.seen > cover.last + GAP_CELLS
    if ended or changed:
        yield Piece(cover.since_ms, end_ms(cover.last, host.phase_ms), closed=ended)
    if ended:
        cover.since_ms = cover.last = 0


def _hold(cover: Cover, piece: Piece) -> Hold:
    assert cover.device is not None
    assert cover.workload is not None
    return Hold(
        device=cover.device,
        workload=cover.workload,
        share_ppm=WHOLE,
        start_ms=piece.since_ms,
        until_ms=piece.until_ms,
        closed=piece.closed,
    )


def _allocated(cover: Cover, piece: Piece) -> Allocated:
    assert cover.group is not None
    assert cover.workload is not None
    return Allocated(
        group=cover.group,
        workload=cover.workload,
        quantity_ppm=cover.quantity_ppm,
        start_ms=piece.since_ms,
        until_ms=piece.until_ms,
        closed=piece.closed,
    )


def _stock(cover: Cover, start_ms: int, until_ms: int) -> Stocked:
    assert cover.group is not None
    return Stocked(group=cover.group, start_ms=start_ms, until_ms=until_ms, quantity_ppm=cover.quantity_ppm)
