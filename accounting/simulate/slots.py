"""Free slots of a pool: which nodes have room, found without looking at every node."""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Slot:
    """What can be held at once: a device or a slice of one."""

    place: int
    node: str
    kind: str
    ppm: int


@dataclass(slots=True)
class Shelf:
    """The free slots of one kind; those of a place that is down are kept, and not given."""

    _slots: dict[str, list[Slot]] = field(default_factory=dict)
    _down: set[int] = field(default_factory=set)
    _room: dict[str, int] = field(default_factory=dict)
    """How many slots a node has to give."""
    _nodes: dict[int, list[str]] = field(default_factory=dict)
    """The nodes that have so many, in order of their names."""

    def give(self, slot: Slot) -> None:
        """Back to be taken."""
        self._slots.setdefault(slot.node, []).append(slot)
        self._recount(slot.node)

    def fullest(self, size: int) -> list[Slot] | None:
        """Takes slots of the node that has the least room that suffices; None where none has."""
        fitting = [(count, names[0]) for count, names in self._nodes.items() if count >= size and names]
        if not fitting:
            return None
        _, node = min(fitting)
        return self._take(sorted(self._ready(node), key=lambda slot: slot.place)[:size])

    def whole(self, size: int, node_size: int) -> list[Slot] | None:
        """Takes slots of nodes that are all free, in order of their names; None where they are too few."""
        names = self._nodes.get(node_size, [])
        if len(names) * node_size < size:
            return None
        return self._take([slot for node in names[: -(-size // node_size)] for slot in self._ready(node)][:size])

    def close(self, place: int, node: str) -> None:
        """A place goes down."""
        self._down.add(place)
        self._recount(node)

    def open(self, place: int, node: str) -> None:
        """A place is up again."""
        self._down.discard(place)
        self._recount(node)

    def _take(self, slots: list[Slot]) -> list[Slot]:
        for slot in slots:
            self._slots[slot.node].remove(slot)
            self._recount(slot.node)
        return slots

    def _ready(self, node: str) -> list[Slot]:
        return [slot for slot in self._slots.get(node, []) if slot.place not in self._down]

    def _recount(self, node: str) -> None:
        before, after = self._room.get(node, 0), len(self._ready(node))
        if before == after:
            return
        if before:
            names = self._nodes[before]
            del names[bisect_left(names, node)]
        if after:
            insort(self._nodes.setdefault(after, []), node)
        self._room[node] = after
