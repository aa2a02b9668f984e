"""The benchmarks' command: `python -m benchmarks --help`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import click

from benchmarks import agent, app, ingest, monitoring, simulate, spine

NAMES = ("spine", "simulate", "app", "agent", "ingest", "monitoring")


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(NAMES))
@click.option("--jobs", default=1_000_000, show_default=True, help="Jobs in the synthetic log of the spine.")
@click.option("--records", default=1_000_000, show_default=True, help="Records of agents to ingest.")
@click.option("--seconds", default=60, show_default=True, help="How long each round of the agent lasts.")
@click.option("--rounds", default=3, show_default=True, help="Rounds; the median counts.")
@click.option("--project", type=click.Path(path_type=Path, exists=True, file_okay=False),
              help="The dashboard's project.  [default: the demo, made anew]")  # fmt: skip
def main(names: tuple[str, ...], jobs: int, records: int, seconds: int, rounds: int, project: Path | None) -> None:
    """Measure what is claimed about speed, all of it or NAMES; exit status 1 where a claim does not hold."""
    measures = {
        "spine": lambda folder: spine.measure(folder, jobs, rounds),
        "simulate": lambda folder: simulate.measure(folder, rounds),
        "ingest": lambda folder: ingest.measure(folder, records, rounds),
        "monitoring": lambda folder: monitoring.measure(folder, rounds),
        "agent": lambda folder: agent.measure(folder, seconds, rounds),
        "app": lambda folder: app.measure(project or app.demo(folder), rounds),
    }
    held = []
    for name in names or NAMES:
        with tempfile.TemporaryDirectory() as folder:
            held.append(measures[name](Path(folder)))
    sys.exit(0 if all(held) else 1)


if __name__ == "__main__":
    main()
