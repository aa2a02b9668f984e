"""The table of `once`, with what others may have written into it."""

from __future__ import annotations

from collector.attribution import Seen
from collector.holders import Share
from collector.sharing import Use
from collector.source import Instant, Reading, Tick
from collector.table import lines
from collector.wire import Device, Workload


def test_no_name_reaches_the_terminal_as_a_command() -> None:
    device = Device(uuid="GPU-0", name="NVIDIA H100", minor=0)
    evil = Workload(id="lxc:\x1b[2J\x9b1m@n1", kind="lxc", owner="Job/\x1b]0;t\x07", user="a\r\nb\u202e")
    seen = Seen([Share(device, evil)], {"GPU-0": {evil.id: Use(busy_ms=10.0)}}, [], 0)
    told = lines(Tick(at=Instant(0, 0), devices=(device,), readings=[Reading(uuid="GPU-0", busy=0.5)]), seen)
    assert all(line.isprintable() for line in told)
    assert "lxc:" in told[2]
