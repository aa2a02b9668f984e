"""Jobs that are done once, however often they are asked for: their id says what they do.

BigQuery takes an id once. So a job whose answer was lost, or whose asker was killed, is found by its id; one that
failed changed nothing and has used its id up, and the next attempt has the next one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from accounting.errors import StoreError
from accounting.stores.bigquery.client import Warehouse

if TYPE_CHECKING:
    from google.cloud import bigquery
    from google.cloud.bigquery import LoadJob, QueryJob

    Job = LoadJob | QueryJob

ATTEMPTS, KNOWN = 3, 200
"""How often a job is begun where BigQuery itself fails; and how many former attempts are looked through."""
PASSING = frozenset({"backendError", "internalError", "jobBackendError", "jobInternalError", "rateLimitExceeded"})
"""Reasons that another attempt may not meet."""


def done(warehouse: Warehouse, name: str, start: Callable[[str], Job]) -> Job:
    """The job of this name that succeeded: found, or begun with `start`, which takes its id.

    Raises Google's error of the attempt that failed, and `StoreError` where too many did.
    """
    from google.api_core.exceptions import GoogleAPICallError

    begun = 0
    for attempt in range(1, KNOWN + 1):
        job, ours = _job(warehouse, f"{name}-a{attempt}", start)
        begun += ours
        try:
            job.result()
        except GoogleAPICallError:
            if not job.error_result:
                raise
            if ours and (begun == ATTEMPTS or job.error_result.get("reason") not in PASSING):
                raise
        else:
            return job
    raise StoreError(f"BigQuery: {KNOWN} attempts at {name} failed: see the errors of these jobs in its console")


def _job(warehouse: Warehouse, job_id: str, start: Callable[[str], Job]) -> tuple[Job, bool]:
    """The job, and whether it was begun here; its answer may have been lost."""
    from google.api_core.exceptions import Conflict

    if (job := _known(warehouse, job_id)) is not None:
        return job, False
    try:
        return start(job_id), True
    except Conflict:
        if (job := _known(warehouse, job_id)) is None:
            raise
        return job, True


def _known(warehouse: Warehouse, job_id: str) -> Job | None:
    from google.api_core.exceptions import NotFound
    from google.cloud.bigquery import LoadJob, QueryJob

    try:
        job = warehouse.client.get_job(job_id)
    except NotFound:
        return None
    if not isinstance(job, (LoadJob, QueryJob)):
        raise StoreError(f"BigQuery: job {job_id} is neither a load nor a query: somebody else's")
    return job


def named(table: bigquery.Table, what: str, content: str) -> str:
    """A name for the job that does `what` to a table: another content, or a table made anew, is another job."""
    made = "" if table.created is None else table.created.isoformat()
    digest = hashlib.sha256(f"{table.reference} {made} {content}".encode()).hexdigest()
    return f"chipledger-{what}-{digest[:16]}"
