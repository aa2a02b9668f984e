"""What the labels of a series say: which host and chip it is of, where that is, and whose pod it is."""

from __future__ import annotations

import re
from math import prod
from typing import NamedTuple

from collector.cloud.config import CloudMonitoring
from collector.wire import Place, Workload

_ZONE = re.compile(r"^([a-z]+-[a-z]+\d+)-[a-z]$")
_UNIQUE = re.compile(r"^(GPU-|MIG-).+|^\d{6,}-\d+$")
_TPU = re.compile("tpu", re.IGNORECASE)


class Spot(NamedTuple):
    """`host` tells a machine from all others ('' of a container: its series do not say), `node` is its name."""

    host: str
    node: str
    scope: str
    chip: str
    model: str
    tpu: bool
    topology: str


def spot(resource: str, labels: dict[str, str]) -> Spot:
    """Of what host and chip a series is."""
    if resource == "gce_instance":
        node = labels.get("instance_id", "")
        return Spot(_joined(labels, "zone", "instance_id"), node, "", labels.get("uuid", ""), _model(labels), False, "")
    if resource == "tpu.googleapis.com/GceTpuWorker":
        host = _joined(labels, "resource_container", "location", "worker_id")
        return Spot(host, host, "", labels.get("accelerator_id", ""), _model(labels) or "TPU", True, "")
    node, topology = labels.get("node_name", ""), labels.get("tpu_topology", "")
    scope = _joined(labels, "location", "cluster_name")
    tpu = bool(topology or _TPU.search(_model(labels)) or _TPU.search(labels.get("make", "")))
    host = f"{scope}/{node}" if node else ""
    return Spot(host, node, scope, labels.get("accelerator_id", ""), _model(labels), tpu, topology)


def device_id(spot: Spot, node: str) -> str:
    """An id that no other device has: the chip's where it is of that kind, else beside its node's."""
    return spot.chip if _UNIQUE.match(spot.chip) else f"{node}/{spot.chip}"


def is_unique(chip: str) -> bool:
    """Whether a chip's id is one in the world: of a GPU, or `<instance>-<chip>` of a TPU."""
    return bool(_UNIQUE.match(chip))


def place(config: CloudMonitoring, labels: dict[str, str], node: str = "", pool: str = "") -> Place:
    """Where a series is; what the configuration says of provider, region and purchase stands over the labels."""
    location = labels.get("location") or labels.get("zone", "")
    zone = _ZONE.match(location)
    return Place(
        cluster=labels.get("cluster_name") or config.cluster,
        node=node,
        pool=pool or config.pool,
        provider=config.provider or "gcp",
        region=config.region or (zone[1] if zone else location) or None,
        purchase=config.purchase,
    )


def pod(config: CloudMonitoring, labels: dict[str, str], user: dict[str, str]) -> Workload:
    """The workload of a container's series; `cluster` is in it, as names repeat between clusters."""
    return Workload(
        id=f"{labels.get('namespace_name', '')}/{labels.get('pod_name', '')}",
        kind="kubernetes",
        container=labels.get("container_name", ""),
        namespace=labels.get("namespace_name", ""),
        claims=config.labels.found(user),
        cluster=labels.get("cluster_name") or config.cluster,
    )


def chips(topology: str) -> int:
    """The chips of a slice of a topology such as `2x2x4`; 0 where it is none."""
    sides = topology.split("x")
    return prod(map(int, sides)) if all(side.isdigit() for side in sides) else 0


def slice_of(config: CloudMonitoring, node: str) -> str:
    """The name that a TPU node's slice has: what its nodes' names share."""
    found = re.search(config.slice, node)
    return found[1] if found else node


def _model(labels: dict[str, str]) -> str:
    return labels.get("model", "")


def _joined(labels: dict[str, str], *names: str) -> str:
    return "/".join(labels.get(name, "") for name in names)
