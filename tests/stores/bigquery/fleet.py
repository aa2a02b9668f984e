"""A small simulated company in a lake and in a BigQuery on loopback; nobody changes it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import msgspec

from accounting.config import BigQueryTable
from accounting.inputs.importing import silent
from accounting.project import Project
from accounting.simulate.demo import Plan, build_demo
from accounting.stores.bigquery.client import Warehouse, connect
from accounting.stores.bigquery.push import push
from tests.fakes.bigquery.serving import Loopback

PLAN = Plan(devices=48, days=3, until=date(2026, 11, 2), seed=7, interval=10)


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
    """Makes the company in `folder`, whose October is closed and corrected, and pushes it."""
    fleet = Fleet(build_demo(PLAN, folder, silent).project, loopback, settings_of(loopback))
    push(fleet.project.lake, fleet.warehouse, silent)
    return fleet
