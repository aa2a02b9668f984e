"""The agent as a process of its own on the stub driver: started, asked, stopped, killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from collector.wire import Batch, Header, Segment, batch_of, read_segment


@dataclass
class Running:
    """Where an agent runs; `settings` are keys of its configuration."""

    folder: Path
    library: Path
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def spool(self) -> Path:
        return self.folder / "spool"

    @property
    def inbox(self) -> Path:
        return self.folder / "inbox"

    def command(self, *arguments: str) -> list[str]:
        told = {
            "node.name": "n1",
            "spool.path": str(self.spool),
            "inbox.url": str(self.inbox),
            "metrics.listen": "",
            "identity.kubernetes": "off",
            "identity.slurm": "off",
            **self.settings,
        }
        options = [word for key, value in told.items() for word in ("--set", f"{key}={value}")]
        return [sys.executable, "-m", "tests.collector.command", *options, *arguments]

    @property
    def environment(self) -> dict[str, str]:
        state = str(self.folder / "driver.state")
        return dict(os.environ, LD_LIBRARY_PATH=str(self.library.parent), NVMLSTUB_STATE=state)

    def once(self, root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments), cwd=root, env=self.environment, capture_output=True, text=True, check=False
        )

    @contextmanager
    def run(self, root: Path) -> Iterator[subprocess.Popen[str]]:
        with subprocess.Popen(
            self.command("run"), cwd=root, env=self.environment, stderr=subprocess.PIPE, text=True
        ) as agent:
            try:
                yield agent
            finally:
                if agent.poll() is None:
                    agent.kill()

    def told(self) -> list[tuple[Header, Batch]]:
        """Everything in the inbox, in the order of its names."""
        return [(s.header, batch_of(block)) for s in self.segments() for block in s.blocks]

    def segments(self) -> list[Segment]:
        return [read_segment(path.read_bytes()) for path in sorted(self.inbox.rglob("*.seg"))]


def stop(agent: subprocess.Popen[str], number: signal.Signals = signal.SIGTERM) -> str:
    """Sends a signal and waits; what the agent said."""
    agent.send_signal(number)
    assert agent.stderr is not None
    said = agent.stderr.read()
    agent.wait(20)
    return said


def until(true: Callable[[], bool], seconds: float = 20) -> None:
    """Waits for it; fails where it does not come."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def scraped(port: int) -> dict[str, float]:
    """The metrics by name and labels."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    pairs = (line.rpartition(" ") for line in lines if line and not line.startswith("#"))
    return {name: float(value) for name, _, value in pairs}
