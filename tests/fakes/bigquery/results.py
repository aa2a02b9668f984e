"""Results of queries: pages of them, and the cache of those that were asked before."""

from __future__ import annotations

import base64
import re
from typing import Any

import pyarrow as pa

from tests.fakes.bigquery.catalog import Catalog
from tests.fakes.bigquery.cells import rows as cells
from tests.fakes.bigquery.errors import invalid
from tests.fakes.bigquery.fields import Field
from tests.fakes.bigquery.jobs import Job

Json = dict[str, Any]
Versions = dict[tuple[str, str], tuple[int, int]]
_PAGE = 10_000
_CHANGING = re.compile(r"\b(CURRENT_\w+|RAND|GENERATE_UUID|SESSION_USER)\b", re.IGNORECASE)


class Cache:
    """Results by query; one counts as long as nothing changed."""

    def __init__(self) -> None:
        self._results: dict[str, tuple[Versions, Job]] = {}

    @staticmethod
    def versions(catalog: Catalog) -> Versions:
        with catalog.lock:
            return {key: (id(table), table.version) for key, table in catalog.tables.items()}

    def find(self, key: str, catalog: Catalog) -> Job | None:
        versions, job = self._results.get(key, ({}, None))
        return job if job is not None and versions == self.versions(catalog) else None

    def keep(self, key: str, versions: Versions, job: Job) -> None:
        if not _CHANGING.search(key):
            self._results[key] = versions, job


def page(rows: pa.Table, fields: list[Field], token: str | None, limit: object, *, whole: bool) -> Json:
    """One page of rows as JSON; `whole`: timestamps as microseconds; raises `ApiError` for a token that is none."""
    start = _start(token)
    size = _PAGE if limit is None else int(str(limit))
    part = rows.slice(start, size)
    out: Json = {"totalRows": str(rows.num_rows), "rows": cells(part, fields, int64_timestamps=whole)}
    if start + part.num_rows < rows.num_rows:
        out["pageToken"] = f"row-{start + part.num_rows}"
    return out


def arrow_page(rows: pa.Table, limit: object) -> Json:
    """The first rows as Arrow messages in base64."""
    size = _PAGE if limit is None else int(str(limit))
    part = rows.slice(0, size).combine_chunks()
    out: Json = {"totalRows": str(rows.num_rows), "pageRowCount": str(part.num_rows)}
    out["arrowSchema"] = {"serializedSchema": _encoded(rows.schema)}
    for batch in part.to_batches():
        out["arrowRecordBatch"] = {"serializedRecordBatch": _encoded(batch)}
    if part.num_rows < rows.num_rows:
        out["pageToken"] = f"row-{part.num_rows}"
    return out


def _encoded(message: pa.Schema | pa.RecordBatch) -> str:
    return base64.b64encode(message.serialize().to_pybytes()).decode()


def _start(token: str | None) -> int:
    if not token:
        return 0
    if not token.startswith("row-"):
        raise invalid(f"Invalid page token: {token}")
    return int(token.removeprefix("row-"))
