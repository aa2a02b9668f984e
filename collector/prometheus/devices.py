"""The devices that dcgm-exporter speaks of, whatever its version: what was measured of each, and who held it when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from msgspec import Struct

from collector.central.series import Series
from collector.prometheus.labels import Labels, Targets, holding_pod, replica
from collector.wire import UNKNOWN, Device, Place

UTIL = "DCGM_FI_DEV_GPU_UTIL"
GRAPHICS = "DCGM_FI_PROF_GR_ENGINE_ACTIVE"
SM = "DCGM_FI_PROF_SM_ACTIVE"
TENSOR = "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE"
DRAM = "DCGM_FI_PROF_DRAM_ACTIVE"
MEMORY = "DCGM_FI_DEV_FB_USED"
POWER = "DCGM_FI_DEV_POWER_USAGE"
ENERGY = "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION"
XID = "DCGM_FI_DEV_XID_ERRORS"
METRICS = (UTIL, GRAPHICS, SM, TENSOR, DRAM, MEMORY, POWER, ENERGY, XID)

_OF_WHOLE = {POWER, ENERGY, XID}
"""Of an instance these are what its device is said to have."""
_ACTIVITY = {UTIL, GRAPHICS, SM, TENSOR, DRAM}
_BLANK, _BLANK_ENERGY = 1e12, 1e18
"""DCGM's values for "not to be had" are above it; of energy, whose mJ may be as many, that of 64 bits is."""

Holder = tuple[str, str, str]
"""Cluster, namespace and pod; or cluster, '' and the number of a Slurm job."""


class Seen(Struct):
    """A device in a window: values by metric and instant, and by instant who held it."""

    device: Device
    cluster: str
    job: str
    values: dict[str, dict[int, float]] = {}
    holders: dict[int, set[Holder]] = {}

    @property
    def instants(self) -> list[int]:
        """When it was scraped."""
        return sorted(self.holders)


def observed(
    found: Iterable[Series], known: Targets, place: Callable[[Labels], Place], cluster_label: str
) -> dict[str, Seen]:
    """The devices and instances of these series, by UUID.

    Copies of one device (one for each that shares it) are one device; where one copy is of nobody, it is the device's
    own, and counts. A counter goes on whoever holds the device, so the series of its holders are one.
    """
    seen: dict[str, Seen] = {}
    for series in _in_order(found, known):
        of_whole = series.name in _OF_WHOLE
        device = _device(series.labels, place(series.labels), whole=of_whole)
        one = seen.setdefault(device.uuid, Seen(device, series.labels.get(cluster_label, ""), _job(series)))
        held = _holder(series.labels, known, one.cluster)
        _take(one, series, own=held is None)
        for at, _ in series.points if not (of_whole and instance_id(series.labels)) else ():
            one.holders.setdefault(at, set()).update([held] if held else [])
    _divided(seen)
    return seen


def hostname(labels: Labels) -> str:
    """The node that an exporter says it runs on."""
    return labels.get("Hostname") or labels.get("hostname", "")


def instance_id(labels: Labels) -> str:
    """The id of a GPU instance; '' of a whole device."""
    return labels.get("GPU_I_ID", "")


def _uuid(labels: Labels) -> str:
    return labels.get("UUID") or labels.get("uuid", "")


def _in_order(found: Iterable[Series], known: Targets) -> list[Series]:
    """Series with a device, of one server where several scrape it; those of holders first."""
    named = [s for s in found if _uuid(s.labels)]
    views = Counter[tuple[str, str]]()
    for series in named:
        views[_uuid(series.labels), replica(series.labels)] += len(series.points)
    best: dict[str, str] = {}
    for (uuid, view), _ in sorted(views.items(), key=lambda item: (-item[1], item[0])):
        best.setdefault(uuid, view)
    kept = [s for s in named if best[_uuid(s.labels)] == replica(s.labels)]
    return sorted(kept, key=lambda s: _holder(s.labels, known, "") is None)


def _device(labels: Labels, place: Place, *, whole: bool) -> Device:
    uuid, instance = _uuid(labels), "" if whole else instance_id(labels)
    number = labels.get("device", "").removeprefix("nvidia")
    return Device(
        uuid=f"{uuid}/gi{instance}" if instance else uuid,
        name=labels.get("modelName", ""),
        minor=int(number) if number.isdecimal() else UNKNOWN,
        bus=labels.get("pci_bus_id", ""),
        instance=int(instance) if instance.isdecimal() else UNKNOWN,
        parent=uuid if instance else "",
        profile=labels.get("GPU_I_PROFILE", "") if instance else "",
        place=place,
    )


def _job(series: Series) -> str:
    return series.labels.get("job", "")


def _holder(labels: Labels, known: Targets, cluster: str) -> Holder | None:
    namespace, pod = holding_pod(labels, known)
    if pod:
        return cluster, namespace, pod
    job = labels.get("hpc_job", "")
    return (cluster, "", job) if job else None


def _take(one: Seen, series: Series, *, own: bool) -> None:
    values = one.values.setdefault(series.name, {})
    for at, value in series.points:
        if value < 0 or value > (_BLANK_ENERGY if series.name == ENERGY else _BLANK):
            continue
        values[at] = value if own else max(value, values.get(at, 0.0))


def _divided(seen: dict[str, Seen]) -> None:
    """What a device does that is cut into instances is told of these alone."""
    for uuid in {one.device.parent for one in seen.values() if one.device.parent} & seen.keys():
        for metric in _ACTIVITY & seen[uuid].values.keys():
            del seen[uuid].values[metric]
