"""Collects what APIs tell of the clusters: servers on loopback, and the genuine collector as a process of its own."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from accounting.errors import InputError
from accounting.simulate.apis.monitoring import Monitoring, Server
from accounting.simulate.apis.prometheus import Prometheus
from accounting.simulate.company import DAY, HOUR
from accounting.simulate.remote import exporters, google
from accounting.simulate.remote.dispute import Dispute
from accounting.simulate.remote.fleet import ASSIST, GKE, MIG_POOL, PROVIDER, PURCHASE, REGIONS
from accounting.simulate.remote.story import Story

CONFIG, CONFIG_LATE = "collector.toml", "collector-late.toml"
SPOOL = "spool"
WITHOUT_GOOGLE = (
    "left out: a slice of TPUs and MIG instances that Cloud Monitoring tells of; to see them, "
    "pip install 'chipledger[gcp]' and make another demo"
)

_HEAD = """# How the clusters are read that only APIs know of. The servers were simulated and are gone.
metrics.listen = ""

[spool]
path = {spool}

[inbox]
url = {inbox}
"""
_PROMETHEUS = """
[[prometheus]]
url = {url}
cluster = {cluster}
cluster_label = "cluster"
provider = {provider}
region = {region}
purchase = {purchase}
span = 21600
"""
_CLOUD_MONITORING = """
[[cloud_monitoring]]
project = {project}
endpoint = {endpoint}
plaintext = true
metrics = ["gke", "dcgm"]
cluster = {cluster}
pool = {pool}
provider = {provider}
region = {region}
purchase = {purchase}
span = 21600
budget = 0
"""


def can_read_google() -> bool:
    """Whether Google's client is installed, which the extra `gcp` brings."""
    packages = ("google", "google.cloud", "google.cloud.monitoring_v3")
    return all(importlib.util.find_spec(name) is not None for name in packages)


@dataclass(frozen=True, slots=True)
class Place:
    """Folders of a demo: where the configuration lies, and where segments go."""

    folder: Path
    inbox: Path


def collect(story: Story, dispute: Dispute | None, place: Place) -> None:
    """Reads all of the time that the APIs tell of, but for points that are late, once; raises `InputError`.

    What was collected to its end has its configuration in the folder.
    """
    if (place.folder / CONFIG).exists():
        return
    with ExitStack() as stack:
        parts = [_prometheus(stack.enter_context(_serving(story, dispute)))]
        if _has_google(story):
            parts.append(_google(stack.enter_context(_google_serving(story, now=story.last))))
        _run(place, CONFIG, parts, story.first, story.last)


def collect_late(story: Story, place: Place) -> None:
    """Reads the days again of which points have come since, once; raises `InputError`."""
    if story.late and not (place.folder / CONFIG_LATE).exists():
        first = min(start for _, start, _ in story.late) // DAY * DAY
        last = max(end for _, _, end in story.late) // DAY * DAY + DAY
        with _google_serving(story, now=story.last + DAY) as endpoint:
            _run(place, CONFIG_LATE, [_google(endpoint)], max(first, story.first), min(last, story.last))


def _has_google(story: Story) -> bool:
    return any(unit.cluster == GKE for unit in story.units)


@contextmanager
def _serving(story: Story, dispute: Dispute | None) -> Iterator[str]:
    server = Prometheus(exporters.series(story, dispute))
    try:
        yield server.url
    finally:
        server.close()


@contextmanager
def _google_serving(story: Story, now: int) -> Iterator[str]:
    """At `now` (ms); what is late can be read from an hour after the end on."""
    monitoring = Monitoring(google.series(story, story.last + HOUR), google.descriptors(), lambda: now)
    with Server(monitoring) as server:
        yield server.endpoint


def _prometheus(url: str) -> str:
    return _filled(_PROMETHEUS, url=url, cluster=ASSIST, provider=PROVIDER, region=REGIONS[ASSIST], purchase=PURCHASE)


def _google(endpoint: str) -> str:
    place = {"cluster": GKE, "pool": MIG_POOL, "provider": PROVIDER, "region": REGIONS[GKE], "purchase": PURCHASE}
    return _filled(_CLOUD_MONITORING, project=google.PROJECT, endpoint=endpoint, **place)


def _filled(template: str, **values: str) -> str:
    """Strings of TOML are written as JSON's."""
    return template.format(**{name: json.dumps(value) for name, value in values.items()})


def _run(place: Place, name: str, parts: list[str], first: int, last: int) -> None:
    place.inbox.mkdir(parents=True, exist_ok=True)
    head = _filled(_HEAD, spool=str((place.folder / SPOOL).absolute()), inbox=str(place.inbox.absolute()))
    config = place.folder / f"{name}.new"
    config.write_text("".join([head, *parts]), "utf-8")
    command = [sys.executable, "-m", "collector.cli", "--config", str(config), "run"]
    done = subprocess.run(
        [*command, "--from", _iso(first), "--to", _iso(last)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["it said nothing"]
        raise InputError(f"{config}: the collector ended with status {done.returncode}: {said[-1]}")
    config.replace(place.folder / name)


def _iso(at: int) -> str:
    return f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%dT%H:%M:%S}"
