"""A pod, and what it did."""

from __future__ import annotations

from dataclasses import dataclass, field

Phase = tuple[int, int, int]
"""Start, end, and how busy each device is meanwhile (ppm); time that is not busy lasts a minute or longer."""


@dataclass(frozen=True, slots=True)
class Pod:
    """Asked for at `submitted`, holds `units` in [start, end); all whole seconds (Unix ms), but `end` of the last.

    `phases` fill [start, end); a unit of `late` does nothing before its instant. `team` is who bears it, `claims` are
    its labels.
    """

    cluster: str
    namespace: str
    name: str
    team: str | None
    model: str | None
    claims: dict[str, str]
    units: tuple[int, ...]
    submitted: int
    start: int
    end: int
    phases: tuple[Phase, ...]
    late: dict[int, int] = field(default_factory=dict)

    @property
    def workload_id(self) -> str:
        return f"{self.namespace}/{self.name}"
