"""The benchmarks' command: `python -m benchmarks --help`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import click

from benchmarks import spine


@click.command()
@click.option("--jobs", default=1_000_000, show_default=True, help="Jobs in the synthetic log.")
@click.option("--rounds", default=3, show_default=True, help="Rounds; the median ratio counts.")
def main(jobs: int, rounds: int) -> None:
    """Measure what is claimed about speed; exit status 1 where a claim does not hold."""
    with tempfile.TemporaryDirectory() as folder:
        held = spine.measure(Path(folder), jobs, rounds)
    sys.exit(0 if held else 1)


if __name__ == "__main__":
    main()
