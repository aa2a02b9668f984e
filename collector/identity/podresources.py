"""What the kubelet has assigned: its podresources API, the source of truth for devices of pods.

The socket is `/var/lib/kubelet/pod-resources/kubelet.sock`, the service `v1.PodResourcesLister`. It knows no pod uid.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from msgspec import Struct

from collector.identity.devices import base_id
from collector.identity.grpc import CallFailed, call
from collector.identity.protobuf import Truncated, fields, texts

DRA = "dra"
"""The resource of a device that came by a ResourceClaim; its id is driver/pool/device."""

_SERVICE = "/v1.PodResourcesLister/"
# HAMi counts percent and mebibytes as if they were devices.
_QUANTITIES = ("nvidia.com/gpumem", "nvidia.com/gpucores", "nvidia.com/gpumem-percentage", "nvidia.com/priority")


class Assignment(Struct, frozen=True, kw_only=True):
    """Devices of one resource in one container, ids as the device plugin gave them."""

    namespace: str
    pod: str
    container: str
    resource: str
    devices: tuple[str, ...]


def assignments(socket: Path, timeout_s: float) -> list[Assignment]:
    """All accelerators that containers of this node have; raises `CallFailed`.

    A kubelet may list pods that have ended (kubernetes/kubernetes issues 119423, 132020).
    """
    found: list[Assignment] = []
    try:
        for number, pod in fields(call(socket, _SERVICE + "List", b"", timeout_s)):
            if number == 1:
                found += _of_pod(pod)
    except (Truncated, UnicodeDecodeError) as error:
        raise CallFailed("INTERNAL", f"List: {error}") from error
    return found


def replicas(socket: Path, timeout_s: float) -> dict[str, int]:
    """How often each device that is shared can be assigned, by the id before its `::`; raises `CallFailed`."""
    count: Counter[str] = Counter()
    try:
        for number, device in fields(call(socket, _SERVICE + "GetAllocatableResources", b"", timeout_s)):
            if number == 1:
                resource, ids = _of_device(device)
                count.update(base_id(name) for name in ids if _is_accelerator(resource))
    except (Truncated, UnicodeDecodeError) as error:
        raise CallFailed("INTERNAL", f"GetAllocatableResources: {error}") from error
    return dict(count)


def _is_accelerator(resource: str) -> bool:
    return resource == "google.com/tpu" or (resource.startswith("nvidia.com/") and resource not in _QUANTITIES)


def _of_pod(pod: bytes) -> list[Assignment]:
    name = namespace = ""
    containers: list[bytes] = []
    for number, content in fields(pod):
        if number == 1:
            name = content.decode()
        elif number == 2:
            namespace = content.decode()
        elif number == 3:
            containers.append(content)
    return [
        Assignment(namespace=namespace, pod=name, container=container, resource=resource, devices=tuple(ids))
        for message in containers
        for container, resource, ids in _of_container(message)
    ]


def _of_container(container: bytes) -> list[tuple[str, str, list[str]]]:
    """Name of the container, resource, ids. The kubelet repeats a resource for each NUMA node that it comes from."""
    name = ""
    found: dict[str, dict[str, None]] = {}
    for number, content in fields(container):
        if number == 1:
            name = content.decode()
        elif number == 2:
            resource, ids = _of_device(content)
            found.setdefault(resource, {}).update(dict.fromkeys(ids))
        elif number == 5:
            found.setdefault(DRA, {}).update(dict.fromkeys(_of_claim(content)))
    return [(name, resource, list(ids)) for resource, ids in found.items() if ids and _matters(resource)]


def _matters(resource: str) -> bool:
    return resource == DRA or _is_accelerator(resource)


def _of_device(device: bytes) -> tuple[str, list[str]]:
    resource = ""
    ids: list[str] = []
    for number, content in fields(device):
        if number == 1:
            resource = content.decode()
        elif number == 2:
            ids.append(content.decode())
    return resource, ids


def _of_claim(claim: bytes) -> list[str]:
    """driver/pool/device of a DynamicResource's ClaimResources, those of NVIDIA's and Google's drivers."""
    parts = [texts(content) for number, content in fields(claim) if number == 4]
    return [
        f"{part.get(2, '')}/{part.get(3, '')}/{part.get(4, '')}"
        for part in parts
        if part.get(2, "").endswith((".nvidia.com", ".google.com"))
    ]
