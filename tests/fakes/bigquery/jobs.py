"""Jobs: ids that are used once, states, and what each has to tell."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from tests.fakes.bigquery.catalog import now_ms
from tests.fakes.bigquery.errors import ApiError, duplicate, invalid, not_found
from tests.fakes.bigquery.faults import Faults
from tests.fakes.bigquery.fields import Field

Json = dict[str, Any]
_PATIENCE_S = 10.0


@dataclass
class Job:
    """One job; `result` are the rows of a query that has some."""

    project: str
    id: str
    location: str
    configuration: Json
    kind: str
    created: str = field(default_factory=now_ms)
    ended: str = ""
    error: ApiError | None = None
    statistics: Json = field(default_factory=dict)
    result: pa.Table | None = None
    fields: list[Field] = field(default_factory=list)
    affected: int | None = None
    children: int = 0
    parent: str | None = None
    polls: int = 0
    done: threading.Event = field(default_factory=threading.Event)
    wanted: threading.Event = field(default_factory=threading.Event)

    @property
    def reference(self) -> Json:
        return {"projectId": self.project, "jobId": self.id, "location": self.location}

    @property
    def title(self) -> str:
        return f"{self.project}:{self.location}.{self.id}"

    def poll(self) -> bool:
        """Whether it is done, asked once more; a slow job goes on after it was asked so often."""
        self.polls -= 1
        if self.polls < 0:
            self.wanted.set()
            self.done.wait(60)
        return self.done.is_set()

    def show(self, *, done: bool) -> Json:
        status: Json = {"state": "DONE" if done else "RUNNING"}
        if done and self.error:
            status |= {"errorResult": self.error.proto, "errors": [self.error.proto]}
        statistics = {"creationTime": self.created, "startTime": self.created, **(self.statistics if done else {})}
        if done:
            statistics["endTime"] = self.ended
        if self.children:
            statistics["numChildJobs"] = str(self.children)
        body: Json = {"kind": "bigquery#job", "id": self.title, "jobReference": self.reference, "status": status}
        return {**body, "configuration": self.configuration, "statistics": statistics, "user_email": "test@localhost"}


class Jobs:
    """All jobs of all projects."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._jobs: dict[tuple[str, str], Job] = {}
        self._lock = threading.Lock()

    def start(self, project: str, body: Json, work: Callable[[Job], None]) -> Job:
        """A new job that does `work`; raises `ApiError` 409 where its id was used before, whatever came of it."""
        job = _job(project, body)
        with self._lock:
            if (project, job.id) in self._jobs:
                raise duplicate("Job", job.title)
            self._jobs[project, job.id] = job
        job.polls = self._faults.slow_polls
        fails = self._faults.job_fails()
        threading.Thread(target=self._run, args=(job, work, fails), daemon=True).start()
        if not job.polls:
            job.done.wait(60)
        return job

    def _run(self, job: Job, work: Callable[[Job], None], fails: bool) -> None:
        if job.polls:
            job.wanted.wait(_PATIENCE_S)
        try:
            if fails:
                reason = "backendError" if job.kind == "load" else "jobBackendError"
                raise ApiError(400, reason, "Error encountered during execution. Retrying may solve the problem.")
            work(job)
        except ApiError as error:
            job.error = error
        except BaseException as error:  # noqa: BLE001 (a defect of this server is the job's error, and is not a retryable one)
            job.error = ApiError(400, "invalid", f"{type(error).__name__}: {' '.join(str(error).split())}")
        finally:
            job.ended = now_ms()
            job.done.set()

    def get(self, project: str, job_id: str, location: str | None = None) -> Job:
        job = self._jobs.get((project, job_id))
        if job is None or (location and location.upper() != job.location.upper()):
            raise not_found("Job", f"{project}:{location or 'US'}.{job_id}")
        return job

    def all(self, project: str) -> list[Job]:
        """The newest first."""
        return [job for (owner, _), job in reversed(self._jobs.items()) if owner == project]

    def by_result(self, table: str) -> Job:
        """The job whose rows are the anonymous table of that name."""
        for job in self._jobs.values():
            if anonymous(job)["tableId"] == table:
                return job
        raise not_found("Table", table)


def anonymous(job: Job) -> Json:
    """The table of a query's result, where it has no destination."""
    return {"projectId": job.project, "datasetId": "_anonymous", "tableId": f"anon_{job.id}"}


def _job(project: str, body: Json) -> Job:
    reference = body.get("jobReference") or {}
    configuration = body.get("configuration") or {}
    kind = next((kind for kind in ("load", "query") if kind in configuration), None)
    if kind is None:
        raise invalid("Required parameter is missing: configuration must be a load or a query here")
    named = reference.get("jobId") or f"job_{uuid.uuid4().hex}_{time.monotonic_ns():x}"
    location = reference.get("location") or "US"
    return Job(project, named, location, {**configuration, "jobType": kind.upper()}, kind)
