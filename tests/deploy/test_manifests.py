"""What is shipped to run the agent: well-formed, least privilege, and every path and option is the product's own."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from collector.cli import cli
from collector.config import FILE, SPOOL, load

DEPLOY = Path(__file__).parents[2] / "deploy"
UNIT = DEPLOY / "systemd" / "chipledger-agent.service"


def documents() -> dict[str, dict[str, Any]]:
    return {d["kind"]: d for d in yaml.safe_load_all((DEPLOY / "kubernetes" / "agent.yaml").read_text())}


def pod() -> dict[str, Any]:
    found: dict[str, Any] = documents()["DaemonSet"]["spec"]["template"]["spec"]
    return found


def test_the_role_reads_pods_and_namespaces_and_nothing_else() -> None:
    rules = documents()["ClusterRole"]["rules"]
    assert rules == [{"apiGroups": [""], "resources": ["pods", "namespaces"], "verbs": ["get", "list", "watch"]}]
    binding = documents()["ClusterRoleBinding"]
    assert (
        binding["subjects"][0]["name"]
        == documents()["ServiceAccount"]["metadata"]["name"]
        == pod()["serviceAccountName"]
    )


def test_the_container_has_no_capability_and_no_writable_root() -> None:
    context = pod()["containers"][0]["securityContext"]
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert context["readOnlyRootFilesystem"]
    assert context["allowPrivilegeEscalation"] is False
    assert "privileged" not in context
    assert "hostNetwork" not in pod()
    assert pod()["hostPID"] is True
    assert "nvidia.com/gpu" not in str(pod()["containers"][0]["resources"])


def test_every_mount_has_its_volume_and_the_paths_are_the_agents_defaults() -> None:
    mounts = {m["name"]: m["mountPath"] for m in pod()["containers"][0]["volumeMounts"]}
    assert mounts.keys() == {v["name"] for v in pod()["volumes"]}
    assert Path(mounts["config"]) == FILE.parent
    assert SPOOL.is_relative_to(mounts["spool"])
    assert "emptyDir" not in str(pod()["volumes"])


def test_the_configuration_in_the_manifest_is_one(tmp_path: Path) -> None:
    text = documents()["ConfigMap"]["data"][FILE.name]
    (tmp_path / FILE.name).write_text(text)
    config = load(tmp_path / FILE.name)
    assert config.inbox.url.startswith("gs://")
    port = pod()["containers"][0]["ports"][0]["containerPort"]
    assert config.metrics.listen == f"0.0.0.0:{port}"
    assert documents()["DaemonSet"]["spec"]["template"]["metadata"]["annotations"]["prometheus.io/port"] == str(port)


def test_selectors_and_labels_agree() -> None:
    spec = documents()["DaemonSet"]["spec"]
    assert spec["selector"]["matchLabels"].items() <= spec["template"]["metadata"]["labels"].items()


def test_the_arguments_are_the_command_lines_own() -> None:
    arguments = [a.replace("$(NODE_NAME)", "n1") for a in pod()["containers"][0]["args"]]
    answer = CliRunner().invoke(cli, [*arguments, "--help"])
    assert answer.exit_code == 0, answer.output
    unit = re.search(r"^ExecStart=\S+/chipledger-agent (.+)$", UNIT.read_text(), re.MULTILINE)
    assert unit is not None
    assert CliRunner().invoke(cli, [*unit[1].split(), "--help"]).exit_code == 0


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    # the program is not installed here, and verify looks for it
    text = re.sub(r"^(ExecStart(?:Pre)?=[-+]*)\S+", r"\1/bin/true", UNIT.read_text(), flags=re.MULTILINE)
    (tmp_path / UNIT.name).write_text(text)
    answer = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / UNIT.name)],
        capture_output=True,
        text=True,
        check=False,
    )
    wrong = [line for line in answer.stderr.splitlines() if UNIT.name in line]
    assert not wrong
    assert "StateDirectory=chipledger" in text
    assert SPOOL.parent.name == "chipledger"


def test_kubectl_takes_the_manifests() -> None:
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed")
    answer = subprocess.run(
        ["kubectl", "label", "--local", "--dry-run=client", "-o", "name", "-f", "-", "probe=yes"],
        input=(DEPLOY / "kubernetes" / "agent.yaml").read_text(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    assert "daemonset.apps/chipledger-agent" in answer.stdout


def test_the_image_installs_what_the_wheel_needs() -> None:
    text = (DEPLOY / "container" / "Dockerfile").read_text()
    version = re.search(r"^FROM python:(\d\.\d+)", text, re.MULTILINE)
    assert version is not None
    project = tomllib.loads((DEPLOY.parent / "pyproject.toml").read_text())["project"]
    assert f"Python :: {version[1]}" in str(project["classifiers"])
    assert 'ENTRYPOINT ["chipledger-agent"]' in text
    assert "chipledger-agent" in project["scripts"]


@pytest.fixture
def jobs(tmp_path: Path) -> Path:
    return tmp_path / "run" / "jobs"


def hook(name: str, jobs: Path, **environment: str) -> None:
    subprocess.run(
        [DEPLOY / "slurm" / name],
        env={"PATH": "/usr/bin:/bin", "CHIPLEDGER_JOBS": str(jobs), **environment},
        check=True,
    )


def test_the_prolog_notes_the_job_and_the_epilog_takes_it_back(jobs: Path) -> None:
    hook("prolog.sh", jobs, SLURM_JOB_ID="11", SLURM_JOB_UID="1000", SLURM_JOB_GPUS="0,2")
    hook("prolog.sh", jobs, SLURM_JOB_ID="12", SLURM_JOB_UID="1001", SLURM_JOB_GPUS="2")
    hook("prolog.sh", jobs, SLURM_JOB_ID="12", SLURM_JOB_UID="1001", SLURM_JOB_GPUS="2")
    assert {f.name: f.read_text() for f in jobs.iterdir()} == {"0": "11 1000\n", "2": "11 1000\n12 1001\n"}
    hook("epilog.sh", jobs, SLURM_JOB_ID="11")
    assert {f.name: f.read_text() for f in jobs.iterdir()} == {"2": "12 1001\n"}
    hook("epilog.sh", jobs, SLURM_JOB_ID="12")
    assert not list(jobs.iterdir())


def test_a_job_without_a_gpu_is_let_through(jobs: Path) -> None:
    hook("prolog.sh", jobs, SLURM_JOB_ID="11", SLURM_JOB_UID="1000")
    assert not jobs.exists()
