"""The live source and an import of what `sacct -P` prints of the same day: the same jobs."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from accounting.inputs.effective import effective
from accounting.inputs.importing import import_file
from accounting.inputs.mapping import load_mapping
from accounting.stores.lake import Lake
from tests.collector.slurm.day import day
from tests.collector.slurm.watching import Watcher, kept
from tests.fakes.slurm.cluster import Cluster, at

FORMAT = "JobID,JobIDRaw,Cluster,Partition,Account,User,Submit,Start,End,State,NodeList,AllocTRES,ReqTRES"
UNTYPED = "107"
"""Its accelerator has no type in sacct; the live source has it from the node."""


def imported(cluster: Cluster, folder: Path) -> set[tuple[Any, ...]]:
    """Jobs out of a dump of the whole day: its header, then what sacct prints."""
    words = ["-a", "-X", "-D", "--starttime=2025-03-03T00:00:00", "--endtime=2025-03-04T00:00:00", "-P", "-n"]
    command = [str(cluster.folder / "sacct"), *words, f"--format={FORMAT}"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    (folder / "dump.txt").write_text(FORMAT.replace(",", "|") + "\n" + printed)
    (folder / "map.toml").write_text('format = "sacct"\n')
    lake = Lake.create(folder / "lake")
    import_file(lake, "jobs", folder / "dump.txt", load_mapping(folder / "map.toml"), now=cluster.now_ms())
    names = "workload_id cluster pool node accelerator quantity_ppm submitted_ms start_ms end_ms outcome user account"
    return set(effective(lake, "jobs").select(names.split()).collect().iter_rows())


def told(watcher: Watcher) -> set[tuple[Any, ...]]:
    return {
        (
            one.workload.id,
            one.group.place.cluster,
            one.group.place.pool,
            one.group.place.node or None,
            one.group.accelerator,
            one.quantity_ppm,
            one.submitted_ms,
            one.start_ms,
            one.until_ms if one.closed else None,
            one.outcome,
            one.workload.user,
            one.workload.account,
        )
        for one in kept(watcher.allocated).values()
        if one.start_ms is not None or one.closed
    }


@pytest.mark.parametrize("parser", ["v0.0.39", "v0.0.41"])
def test_the_same_jobs(tmp_path: Path, parser: str) -> None:
    cluster = day(tmp_path / "bin", parser=parser)
    watcher = Watcher(cluster, at("08:00"))
    watcher.read_all(range(at("08:00"), at("13:31"), 1800))
    ours = {row for row in told(watcher) if row[0] != UNTYPED}
    # 109 waits still: the import has it as a job that has not ended, the source as one that waits.
    theirs = {row for row in imported(cluster, tmp_path) if row[0] not in {UNTYPED, "109"}}

    assert ours == theirs
    assert len(ours) == 15
