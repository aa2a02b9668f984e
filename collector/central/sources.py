"""The sources that a configuration names; each is imported only where it is named."""

from __future__ import annotations

from collections.abc import Callable

from collector.central.findings import Source
from collector.central.polling import Polling
from collector.cloud.config import CloudMonitoring
from collector.config import Config, Misconfigured


def is_central(config: Config) -> bool:
    """Whether it names a source, so that no device of this machine is read."""
    return bool(config.cloud_monitoring or config.prometheus or config.slurm)


def sources(config: Config, now_ms: Callable[[], int]) -> list[tuple[Source, Polling]]:
    """All sources with how they are read; raises `Misconfigured`. `now_ms` is the wall clock."""
    found: list[tuple[Source, Polling]] = []
    for prometheus in config.prometheus:
        from collector.prometheus.source import PrometheusSource

        found.append((PrometheusSource(prometheus), prometheus))
    found += [(_cloud(cloud, now_ms), cloud) for cloud in config.cloud_monitoring]
    for slurm in config.slurm:
        from collector.slurm.source import SlurmSource

        found.append((SlurmSource(slurm, now_ms), slurm))
    return found


def _cloud(config: CloudMonitoring, now_ms: Callable[[], int]) -> Source:
    try:
        from collector.cloud.source import Cloud
    except ImportError as error:
        raise Misconfigured(
            f"cloud_monitoring: {error.name} is not installed: pip install 'chipledger[gcp]'"
        ) from error
    return Cloud(config, now_ms)
