"""One `[[cloud_monitoring]]` block: a project whose metrics are read."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from collector.central.polling import Polling
from collector.identity.config import Labels

GroupName = Literal["gke", "tpu", "gce", "dcgm", "vllm"]

ALL: tuple[GroupName, ...] = ("gke", "tpu", "gce", "dcgm", "vllm")

Text = Annotated[str, Meta(min_length=1)]


class CloudMonitoring(Polling, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys beside those of every source; `cluster` counts where a series names none.

    `endpoint`: host:port in Google's place, without TLS and credentials where `plaintext`. `lookback`: seconds for
    which late points are looked for with every reading (a day later they are looked for once more). `timeout`: seconds
    in which one metric must have been read. `budget`: USD a month, 0 for no cap; `price_per_million` and
    `free_million` are what Google asks for series returned. `slice`: the part of a TPU node's name that its slice's
    nodes share, as the expression's first group. `labels`: keys of pods' labels, where metrics carry them.
    """

    project: Text
    endpoint: str = ""
    plaintext: bool = False
    metrics: Annotated[tuple[GroupName, ...], Meta(min_length=1)] = ALL
    every: Annotated[float, Meta(ge=1, le=86_400)] = 300
    delay: Annotated[float, Meta(ge=0, le=86_400)] = 300
    lookback: Annotated[float, Meta(ge=60, le=6 * 3600)] = 1800
    timeout: Annotated[float, Meta(ge=1, le=3600)] = 120
    budget: Annotated[float, Meta(ge=0)] = 50
    price_per_million: Annotated[float, Meta(ge=0)] = 0.5
    free_million: Annotated[float, Meta(ge=0)] = 1
    slice: str = "^(.+)-[^-]+$"
    labels: Labels = Labels()
