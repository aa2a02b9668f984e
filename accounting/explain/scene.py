"""A charge of a cluster's day, and the day accounted anew from its inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from accounting import pipeline, plan
from accounting.core.account import Accounted, priced
from accounting.core.lineage import Lineage, holdings, lineage
from accounting.core.partition import Partition
from accounting.core.steps import DAY
from accounting.inventory import Inventory, partition
from accounting.project import Project
from accounting.stores.lake import Import

Charge = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Scene:
    """What a charge is explained from; `held` are its `holdings`, `imports` all live ones by number."""

    project: Project
    charge: Charge
    inventory: Inventory
    partition: Partition
    done: Accounted
    found: Lineage
    held: pl.DataFrame
    imports: Mapping[int, Import]

    def file(self, seq: int) -> str:
        """The file of an import, or who told."""
        return self.imports[seq].file if seq in self.imports else "collectors"

    @property
    def start(self) -> int:
        """Of the charge's rows, in ms."""
        return int(self.found.rows["start"].min())  # type: ignore[arg-type]

    @property
    def end(self) -> int:
        return int(self.found.rows["end"].max())  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Stage:
    """`scene` is None where the inputs do not make the charge any more; `stale`: its day waits for a run."""

    scene: Scene | None
    stale: bool


def staged(project: Project, charge: Charge, progress: pipeline.Progress) -> Stage:
    """The charge's cluster-day, by the functions and from the inputs of a run; nothing is written."""
    progress("reading inputs", None)
    config = project.config
    cluster, day = charge["cluster"], charge["day"]
    inventory, spans, todo, _ = pipeline.pending(config)
    stale = any(one.span.cluster == cluster and one.day == day for one in todo)
    span = next((one for one in spans if one.cluster == cluster), None)
    if span is None:
        return Stage(None, stale)
    progress(f"accounting {cluster} {day}", None)
    start = plan.epoch_ms(day)
    halo = plan.halo_ms(config.policies)
    p = partition(inventory, span, start, start + DAY, config.policies, config.zones, halo)
    done = priced(p)
    found = lineage(done, charge["charge_id"])
    if found is None:
        return Stage(None, stale)
    imports = {one.seq: one for one in project.lake.imports(live_only=True)}
    return Stage(Scene(project, charge, inventory, p, done, found, holdings(done, found), imports), stale)
