"""The whole of the service's state, and what REST and gRPC both ask of it."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa

from tests.fakes.bigquery import macros
from tests.fakes.bigquery.billing import Bill
from tests.fakes.bigquery.catalog import Catalog
from tests.fakes.bigquery.execution import Run, dry_run
from tests.fakes.bigquery.faults import Faults
from tests.fakes.bigquery.jobs import Job, Jobs, anonymous
from tests.fakes.bigquery.loads import load
from tests.fakes.bigquery.results import Cache
from tests.fakes.bigquery.transactions import Ledger
from tests.fakes.bigquery.uploads import Uploads

Json = dict[str, Any]


@dataclass
class Service:
    """Catalog, jobs and faults; `loads` counts the load jobs that succeeded, by `dataset.table`."""

    catalog: Catalog = field(default_factory=Catalog)
    faults: Faults = field(default_factory=Faults)
    ledger: Ledger = field(default_factory=Ledger)
    cache: Cache = field(default_factory=Cache)
    uploads: Uploads = field(default_factory=Uploads)
    requests: list[tuple[str, str]] = field(default_factory=list)
    loads: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.jobs = Jobs(self.faults)
        macros.define(self.catalog.database)

    def start_load(self, project: str, body: Json, content: bytes) -> Job:
        def work(job: Job) -> None:
            load(job, self.catalog, content)
            target = job.configuration["load"]["destinationTable"]
            self.loads[f"{target['datasetId']}.{target['tableId'].partition('$')[0]}"] += 1

        return self.jobs.start(project, body, work)

    def start_query(self, project: str, body: Json, user: str | None) -> Job:
        """Raises `ApiError` 409 for an id that was used; a dry run's id is not kept."""
        if (body.get("configuration") or {}).get("dryRun"):
            body = {**body, "jobReference": {**(body.get("jobReference") or {}), "jobId": None}}
            return self.jobs.start(project, body, lambda job: dry_run(job, self.catalog, user))
        return self.jobs.start(project, body, lambda job: self._query(job, user))

    def _query(self, job: Job, user: str | None) -> None:
        config = job.configuration["query"]
        key = json.dumps([user, config.get("query"), config.get("queryParameters"), config.get("defaultDataset")])
        allowed = config.get("useQueryCache", True) and "destinationTable" not in config
        known = self.cache.find(key, self.catalog) if allowed else None
        if known is None:
            versions = self.cache.versions(self.catalog)
            Run(job, self.catalog, self.ledger, self.faults, user)()
            if allowed and job.result is not None:
                self.cache.keep(key, versions, job)
        else:
            job.result, job.fields = known.result, known.fields
            bill = replace(Bill(), cached=True)
            query = {"statementType": "SELECT", **bill.statistics(), "schema": {"fields": job.fields}}
            job.statistics = {"totalBytesProcessed": "0", "query": query}
        if job.result is not None and "destinationTable" not in config:
            config["destinationTable"] = anonymous(job)

    def result(self, table: str) -> tuple[pa.Table, list[Json]]:
        """Rows and fields of the anonymous table of that name; raises `ApiError`."""
        job = self.jobs.by_result(table)
        return job.result, job.fields
