"""The doctor goes on where one thing that it looks at cannot be looked at."""

from __future__ import annotations

from pathlib import Path

from collector.config import Config, SpoolTable
from collector.doctor import examine
from collector.identity.config import Config as Identity


def test_a_spool_that_cannot_be_looked_at_is_a_finding_among_others(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 300)
    config = Config(spool=SpoolTable(path=str(folder)), identity=Identity(kubernetes="off", slurm="off"))
    found = {finding.about: finding for finding in examine(config)}

    assert (found["spool"].grade, found["spool"].says) == ("fail", f"{folder}: File name too long")
    assert "processes" in found
