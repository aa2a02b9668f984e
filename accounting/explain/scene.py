"""A charge of a cluster's day, and the day accounted anew from its inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
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
class Day:
    """A cluster's day accounted anew; `done` is None where no input speaks of it. `stale`: it waits for a run."""

    project: Project
    inventory: Inventory
    stale: bool
    partition: Partition | None = None
    done: Accounted | None = None

    def scene(self, charge: Charge) -> Scene | None:
        """What a charge of the day is explained from; None where the inputs make no such charge any more."""
        found = lineage(self.done, charge["charge_id"]) if self.done else None
        if self.partition is None or self.done is None or found is None:
            return None
        imports = {one.seq: one for one in self.project.lake.imports(live_only=True)}
        held = holdings(self.done, found)
        return Scene(self.project, charge, self.inventory, self.partition, self.done, found, held, imports)


def accounted(project: Project, cluster: str, day: date, progress: pipeline.Progress) -> Day:
    """A cluster's day by the functions and from the inputs of a run; nothing is written."""
    progress("reading inputs", None)
    config = project.config
    inventory, spans, todo, _ = pipeline.pending(config)
    stale = any(one.span.cluster == cluster and one.day == day for one in todo)
    span = next((one for one in spans if one.cluster == cluster), None)
    if span is None:
        return Day(project, inventory, stale)
    progress(f"accounting {cluster} {day}", None)
    start = plan.epoch_ms(day)
    halo = plan.halo_ms(config.policies)
    p = partition(inventory, span, start, start + DAY, config.policies, config.zones, halo)
    return Day(project, inventory, stale, p, priced(p))
