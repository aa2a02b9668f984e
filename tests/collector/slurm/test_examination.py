"""What the doctor says of a cluster."""

from __future__ import annotations

from pathlib import Path

from collector.finding import Finding
from collector.slurm.config import Slurm
from collector.slurm.source import SlurmSource
from tests.collector.slurm.day import day
from tests.fakes.slurm.cluster import Cluster, Node, at


def examined(cluster: Cluster, config: Slurm | None = None) -> list[Finding]:
    cluster.show(at("10:00"))
    return list(SlurmSource(config or Slurm(folder=str(cluster.folder), cluster="hpc"), cluster.now_ms).examine())


def test_a_cluster_in_order(tmp_path: Path) -> None:
    found = examined(day(tmp_path), Slurm(folder=str(tmp_path), cluster="hpc", pool="all"))
    assert {finding.grade for finding in found} == {"ok"}
    assert [(finding.about, finding.says) for finding in found] == [
        ("slurm hpc squeue", "Slurm 24.05.4, JSON v0.0.41, 10 jobs"),
        ("slurm hpc counts", "AccountingStorageTRES=cpu,mem,gres/gpu,gres/gpu:a100"),
        ("slurm hpc sacct", "slurmdbd answers, 12 jobs in the last hour, read as JSON"),
        ("slurm hpc nodes", "4 nodes, accelerators: 16 a100, 4 v100"),
    ]


def test_what_is_missing(tmp_path: Path) -> None:
    cluster = day(tmp_path)
    cluster.config = {"AccountingStorageTRES": "cpu,mem", "PrivateData": "jobs,usage"}
    cluster.database_down = True
    cluster.nodes = [
        Node("cn001", "gpu:a100:8,shard:a100:32", ("gpu", "all")),
        Node("cn002", "gpu:a100:8", ("gpu",)),
    ]
    wrong = {finding.about: finding for finding in examined(cluster) if finding.grade != "ok"}
    assert {about: (finding.grade, finding.says) for about, finding in wrong.items() if about != "slurm hpc"} == {
        "slurm hpc counts": ("fail", "AccountingStorageTRES lacks gres/gpu: jobs have no count of GPUs"),
        "slurm hpc private": ("warn", "PrivateData hides jobs, usage of other users"),
        "slurm hpc pools": (
            "warn",
            "1 nodes are in several partitions (cn001, …): one pool has them, others their jobs",
        ),
        "slurm hpc nodes": ("warn", "jobs with gres shard are not told: no device is theirs"),
    }
    assert wrong["slurm hpc"].says.startswith("sacct: sacct: error: slurm_persist_conn")
    assert all(finding.remedy for finding in wrong.values())


def test_no_json(tmp_path: Path) -> None:
    found = examined(day(tmp_path, parser=""))
    assert [finding.says for finding in found if finding.grade == "fail"] == [
        "squeue: squeue: fatal: Unable to find plugin: serializer/json",
        "scontrol: scontrol: fatal: Unable to find plugin: serializer/json",
    ]
    assert found[0].remedy.startswith("install Slurm's JSON plugins")
    assert "read as lines" in next(finding.says for finding in found if finding.about.endswith("sacct"))


def test_no_commands_and_no_gpus(tmp_path: Path) -> None:
    (nothing,) = examined(Cluster(tmp_path / "there"), Slurm(folder=str(tmp_path), cluster="hpc"))
    assert (nothing.grade, nothing.says) == ("fail", "sacct, squeue, scontrol: not found")

    cluster = Cluster(tmp_path / "here", nodes=[Node("cn001", "(null)")])
    assert examined(cluster)[-1].says == "no node has GPUs"
