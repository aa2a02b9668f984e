"""Which Slurm is asked, and how what it tells is pooled."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from collector.central.polling import Polling

Text = Annotated[str, Meta(min_length=1)]

PARTITION = "partition"


class Slurm(Polling, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One slurmdbd and the slurmctld of each cluster.

    `folder`: where sacct, squeue and scontrol are (None: the search path). `clusters`: names for `--clusters`, each is
    a cluster of its own; (): the one that this machine belongs to, told as `cluster`. `pool`: "partition" pools jobs
    by their partition, as an import of sacct does, and a node by the smallest of its partitions; any other text is the
    pool of all. `lookback`: seconds before a span that are read again, for what slurmdbd had not written yet.
    `timeout`: seconds that a command may take.
    """

    delay: Annotated[float, Meta(ge=0, le=86_400)] = 0
    folder: Text | None = None
    clusters: tuple[Text, ...] = ()
    pool: str = PARTITION
    lookback: Annotated[float, Meta(ge=0, le=86_400)] = 600
    timeout: Annotated[float, Meta(gt=0, le=600)] = 60
