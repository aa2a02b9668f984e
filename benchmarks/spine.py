"""A year of jobs, imported and run, against DuckDB reading the same log and writing the same rows."""

from __future__ import annotations

import shutil
import statistics
import sys
from pathlib import Path

from benchmarks import joblog
from benchmarks.measure import Cost, chipledger, process

CLAIMED_RATIO = 4.0
CLAIMED_PEAK_MIB = 2048


def measure(folder: Path, jobs: int, rounds: int) -> bool:
    """Prints each round and the median ratio; False where a claim does not hold."""
    joblog.write(folder, jobs)
    ratios, peaks = [], []
    for round_number in range(1, rounds + 1):
        ours, theirs = _ours(folder), process([sys.executable, "-m", "benchmarks.peer"], folder)
        ratios.append(ours.seconds / theirs.seconds)
        peaks.append(ours.peak_mib)
        print(
            f"round {round_number}: chipledger {ours.seconds:.1f} s, {ours.peak_mib:,.0f} MiB; "
            f"duckdb {theirs.seconds:.1f} s, {theirs.peak_mib:,.0f} MiB; ratio {ratios[-1]:.2f}",
            flush=True,
        )
    ratio, peak = statistics.median(ratios), max(peaks)
    claim = f"claimed: at most {CLAIMED_RATIO}, under {CLAIMED_PEAK_MIB:,} MiB"
    print(f"spine: {jobs:,} jobs: median ratio {ratio:.2f}, peak {peak:,.0f} MiB ({claim})")
    return ratio <= CLAIMED_RATIO and peak < CLAIMED_PEAK_MIB


def _ours(folder: Path) -> Cost:
    project = folder / "project"
    shutil.rmtree(project, ignore_errors=True)
    chipledger(folder, "init", "project")
    steps = [
        chipledger(project, "import", kind, f"../{kind}.csv", "--mapping", f"../{kind}.toml")
        for kind in joblog.MAPPINGS
    ]
    steps.append(chipledger(project, "run"))
    return Cost(sum(s.seconds for s in steps), max(s.peak_mib for s in steps))
