"""How device plugins name devices → the device as the driver knows it."""

from __future__ import annotations

import re

from collector.wire import Device

_REPLICA = re.compile(r"(?P<base>.+?)(?:::\d+|/vgpu\d+)")
_NUMBERED = re.compile(r"(?:nvidia|accel)(?P<minor>\d+)(?:/gi(?P<instance>\d+))?")
_DRA = re.compile(r"gpu\.nvidia\.com/[^/]*/gpu-(?P<minor>\d+)")
# Not a GPU with a number behind it, as plugins that split by memory have: that is no whole device.
_TPU = re.compile(r"(?!GPU-|MIG-)(?P<chip>.+)-\d+")


def base_id(device_id: str) -> str:
    """The id without the part that tells one replica of a shared device from another."""
    found = _REPLICA.fullmatch(device_id)
    return found["base"] if found else device_id


def is_replica(device_id: str) -> bool:
    """Whether the device is shared in time (or by MPS), and the id is one of several."""
    return _REPLICA.fullmatch(device_id) is not None


def resolved(device_id: str, devices: tuple[Device, ...]) -> Device | None:
    """The device that a plugin's id means, of those of the node in the driver's order; None: none is.

    Forms: a UUID, `<uuid>::<n>`, `<index>`, GKE's `nvidia<minor>[/gi<instance>][/vgpu<n>]` and `accel<minor>`,
    `<chip>-<index>` of a TPU, `gpu.nvidia.com/<pool>/gpu-<minor>` of a ResourceClaim. A MIG device of a claim
    (`…/gpu-0-mig-…`) has its UUID in the ResourceSlice alone, and is not found.
    """
    base = base_id(device_id)
    exact = next((device for device in devices if device.uuid == base), None)
    if exact is not None:
        return exact
    if base.isdecimal():
        whole = [device for device in devices if not device.parent]
        return whole[int(base)] if int(base) < len(whole) else None
    if found := _NUMBERED.fullmatch(base) or _DRA.fullmatch(base):
        return _by_number(int(found["minor"]), found.groupdict().get("instance"), devices)
    if found := _TPU.fullmatch(base):
        return next((device for device in devices if device.uuid == found["chip"]), None)
    return None


def by_minor(minor: int, devices: tuple[Device, ...]) -> Device | None:
    """The device /dev/nvidia<minor>."""
    return next((device for device in devices if device.minor == minor and not device.parent), None)


def _by_number(minor: int, instance: str | None, devices: tuple[Device, ...]) -> Device | None:
    whole = by_minor(minor, devices)
    if whole is None or instance is None:
        return whole
    parts = [device for device in devices if device.parent == whole.uuid]
    return next((part for part in parts if part.instance == int(instance)), None)
