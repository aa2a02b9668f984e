"""What there is in the clusters that are known only through APIs. Data, not code."""

from __future__ import annotations

from dataclasses import dataclass

from accounting.simulate.company import DAY, PPM

ASSIST, GKE = "assist", "gke"
CLUSTERS = (ASSIST, GKE)
DAYS = 7
"""These clusters are there for the last days of the window only."""
INTERVAL = 60_000
"""Milliseconds between two samples of one series."""
PURCHASE, PROVIDER = "on_demand", "gcp"
REGIONS = {ASSIST: "us-central1", GKE: "us-west4"}
TPU_POOL, MIG_POOL = "gke-tpu-v5e-16", "a100-mig"
TOPOLOGY = "4x4"


@dataclass(frozen=True, slots=True)
class Unit:
    """What a pod can hold: a device, or an instance (MIG) of one; `ppm` is its part of the device.

    `told_name`: what its monitoring calls the device. `number` counts devices on a node, `instance` is MIG's id.
    """

    cluster: str
    pool: str
    node: str
    device: str
    number: int
    accelerator: str
    told_name: str
    ppm: int = PPM
    profile: str = ""
    instance: int = 0


SLICES = (("3g.20gb", 1, 500_000), ("2g.10gb", 3, 285_714), ("1g.5gb", 9, 142_857))
"""Profile, instance and part of the instances of every A100; a seventh is left over."""


def units(*, google: bool) -> list[Unit]:
    """All that there is; with `google` also what only Cloud Monitoring tells of."""
    found = [_whole(ASSIST, "h100-serve", f"h100-{n}", i) for n in range(2) for i in range(4)]
    if not google:
        return found
    chips = [_chip(host, i) for host in range(4) for i in range(4)]
    return [*found, *chips, *(_slice(i, *part) for i in range(2) for part in SLICES)]


def _whole(cluster: str, pool: str, node: str, i: int) -> Unit:
    return Unit(cluster, pool, node, f"GPU-{cluster}-{node}-{i}", i, "H100-80GB", "NVIDIA H100 80GB HBM3")


def _slice(i: int, profile: str, instance: int, ppm: int) -> Unit:
    device, node = f"GPU-gke-mig-0-{i}", "gke-mig-0"
    return Unit(GKE, MIG_POOL, node, device, i, "A100-40GB", "NVIDIA A100-SXM4-40GB", ppm, profile, instance)


def _chip(host: int, i: int) -> Unit:
    """Chips are numbered by the machine that they are in."""
    device = f"48040273481602{host:02d}-{i}"
    return Unit(GKE, TPU_POOL, f"{TPU_POOL}-{host}", device, i, "TPU-v5e", "tpu-v5-lite-podslice")


def begun(start: int, end: int) -> int:
    """When these clusters come to be (ms), in a window from start to end."""
    return max(start, end - DAYS * DAY)
