"""What is shipped to run a collector: it needs no right at all, and its paths and keys are the product's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from collector.central.sources import is_central
from collector.config import FILE, SPOOL, load

MANIFEST = Path(__file__).parents[2] / "deploy" / "kubernetes" / "collector.yaml"


def documents() -> dict[str, dict[str, Any]]:
    return {d["kind"]: d for d in yaml.safe_load_all(MANIFEST.read_text())}


def pod() -> dict[str, Any]:
    found: dict[str, Any] = documents()["StatefulSet"]["spec"]["template"]["spec"]
    return found


def test_it_may_do_nothing_in_the_cluster_and_on_the_host() -> None:
    assert documents().keys() == {"Namespace", "ServiceAccount", "ConfigMap", "StatefulSet"}
    assert pod()["automountServiceAccountToken"] is False
    assert not {"hostPID", "hostNetwork", "hostIPC"} & pod().keys()
    assert pod()["securityContext"]["runAsNonRoot"] is True
    (container,) = pod()["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert "hostPath" not in MANIFEST.read_text()


def test_its_paths_are_the_programs_defaults_and_its_state_outlives_it() -> None:
    (container,) = pod()["containers"]
    mounts = {m["name"]: m["mountPath"] for m in container["volumeMounts"]}
    (claim,) = documents()["StatefulSet"]["spec"]["volumeClaimTemplates"]

    assert Path(mounts["config"]) == FILE.parent
    assert claim["metadata"]["name"] == "state"
    assert SPOOL.is_relative_to(mounts["state"])
    assert documents()["StatefulSet"]["spec"]["replicas"] == 1


def test_its_configuration_is_a_collectors(tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    file.write_text(documents()["ConfigMap"]["data"]["agent.toml"])
    config = load(file)

    assert is_central(config)
    assert config.metrics.listen.endswith(f":{pod()['containers'][0]['ports'][0]['containerPort']}")
    assert pod()["containers"][0]["args"] == ["run"]
