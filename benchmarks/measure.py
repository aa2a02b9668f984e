"""Whole processes, timed from outside: wall seconds and peak memory of each."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

CHIPLEDGER = (sys.executable, "-P", "-c", "from chipledger.command import main; main()")


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process took."""

    seconds: float
    peak_mib: float


def process(command: Sequence[str], folder: Path) -> Cost:
    """Runs a command in `folder` to its end; raises `CalledProcessError` where it fails."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    began = time.perf_counter()
    child = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, command)
    return Cost(time.perf_counter() - began, usage.ru_maxrss / 1024)


def chipledger(folder: Path, *arguments: str) -> Cost:
    """One command of the product."""
    return process([*CHIPLEDGER, *arguments], folder)
