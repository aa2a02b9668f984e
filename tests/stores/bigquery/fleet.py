"""A small simulated company in a lake and in a BigQuery on loopback; nobody changes it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import msgspec

from accounting import pipeline
from accounting.close import close
from accounting.config import BigQueryTable
from accounting.inputs.importing import import_file, silent
from accounting.inputs.mapping import load_mapping
from accounting.project import Project
from accounting.simulate.demo import Plan, build_demo
from accounting.stores.bigquery.client import Warehouse, connect
from accounting.stores.bigquery.push import push
from tests.fakes.bigquery.serving import Loopback

NEXT_MONTH = 1_796_169_600_000
LATE = """workload_id,cluster,accelerator,quantity,start,end,team
late,hpc,A100-80GB,2,2026-11-22T00:00:00Z,2026-11-22T06:00:00Z,research
"""
PLAN = Plan(devices=48, days=3, until=date(2026, 11, 23), seed=7, interval=10)


@dataclass(frozen=True)
class Fleet:
    """The company's project, which asks its lake, and what it takes to ask the warehouse."""

    project: Project
    loopback: Loopback
    settings: BigQueryTable

    def asking(self, **settings: object) -> Project:
        """The same project with `[bigquery]`; some settings may be others."""
        table = msgspec.structs.replace(self.settings, **settings)
        return Project(msgspec.structs.replace(self.project.config, bigquery=table))

    @property
    def warehouse(self) -> Warehouse:
        return connect(self.settings)


def settings_of(loopback: Loopback) -> BigQueryTable:
    return BigQueryTable(project="acme-billing", dataset="gpu", endpoint=loopback.url, storage_endpoint=loopback.grpc)


def bring(folder: Path, loopback: Loopback) -> Fleet:
    """Makes the company in `folder`, closes its month before all of it has come, and pushes it."""
    fleet = Fleet(build_demo(PLAN, folder, silent).project, loopback, settings_of(loopback))
    close(fleet.project, "2026-11", NEXT_MONTH, silent)
    (folder / "late.csv").write_text(LATE)
    columns = "".join(f'{name} = "{name}"\n' for name in LATE.partition("\n")[0].split(","))
    (folder / "late.toml").write_text(f"[columns]\n{columns}")
    mapping = load_mapping(folder / "late.toml")
    import_file(fleet.project.lake, "jobs", folder / "late.csv", mapping, now=NEXT_MONTH, source=None)
    pipeline.run(fleet.project.config, None, None, silent)
    push(fleet.project.lake, fleet.warehouse, silent)
    return fleet
