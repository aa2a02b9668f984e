"""Jobs, queries and uploads of the REST reference."""

from __future__ import annotations

import itertools
import re
import uuid
from email.parser import BytesParser
from typing import Any

from tests.fakes.bigquery.errors import ApiError, invalid, invalid_query, not_found
from tests.fakes.bigquery.jobs import Job
from tests.fakes.bigquery.requests import Request, route
from tests.fakes.bigquery.results import arrow_page, page
from tests.fakes.bigquery.service import Service

Json = dict[str, Any]
_PROJECT = "/projects/{project}"
_UPLOAD = "/upload/projects/{project}/jobs"
_CONFIGURATION = (
    "query",
    "queryParameters",
    "parameterMode",
    "defaultDataset",
    "useLegacySql",
    "useQueryCache",
    "maximumBytesBilled",
)


# Jobs


@route("POST", _PROJECT + "/jobs")
def insert_job(service: Service, request: Request, project: str) -> Json:
    body = request.json
    if "query" not in (body.get("configuration") or {}):
        raise invalid("Loads come with their file here, by an upload")
    job = service.start_query(project, body, request.user)
    done = job.done.is_set()
    if done and job.error and job.configuration.get("dryRun"):
        raise job.error
    return job.show(done=done)


@route("GET", _PROJECT + "/jobs")
def list_jobs(service: Service, request: Request, project: str) -> Json:
    limit = int(request.query.get("maxResults") or 1000)
    shown = [job.show(done=job.done.is_set()) for job in service.jobs.all(project)[:limit]]
    return {"kind": "bigquery#jobList", "jobs": [{**one, "state": one["status"]["state"]} for one in shown]}


@route("GET", _PROJECT + "/jobs/{job}")
def get_job(service: Service, request: Request, project: str, job: str) -> Json:
    found = service.jobs.get(project, job, request.query.get("location"))
    return found.show(done=found.poll())


@route("POST", _PROJECT + "/jobs/{job}/cancel")
def cancel_job(service: Service, request: Request, project: str, job: str) -> Json:
    """Best effort, as documented: a job that goes on already is not stopped."""
    found = service.jobs.get(project, job, request.query.get("location"))
    return {"kind": "bigquery#jobCancelResponse", "job": found.show(done=found.done.is_set())}


# Queries


@route("POST", _PROJECT + "/queries")
def query(service: Service, request: Request, project: str) -> Json:
    body = request.json
    if body.get("useLegacySql", True):
        raise invalid_query("This server knows GoogleSQL only: useLegacySql must be false")
    job = _queried(service, request, project, body)
    done = job.poll() if job.polls < 0 or job.done.is_set() else False
    return _answer(job, body, done=done, dry=bool(body.get("dryRun")))


def _queried(service: Service, request: Request, project: str, body: Json) -> Job:
    """A request that comes again, with the id it had, is answered by the job that it began."""
    known = body.get("requestId")
    job_id = f"job_request_{known}" if known else None
    if job_id:
        try:
            return service.jobs.get(project, job_id)
        except ApiError as error:
            if error.reason != "notFound":
                raise
    configuration: Json = {"query": {key: body[key] for key in _CONFIGURATION if key in body}}
    configuration |= {key: body[key] for key in ("dryRun", "labels") if key in body}
    reference = {"projectId": project, "jobId": job_id, "location": body.get("location")}
    return service.start_query(project, {"jobReference": reference, "configuration": configuration}, request.user)


@route("GET", _PROJECT + "/queries/{job}")
def query_results(service: Service, request: Request, project: str, job: str) -> Json:
    found = service.jobs.get(project, job, request.query.get("location"))
    if found.kind != "query":
        raise not_found("Query", found.title)
    asked: Json = {**request.query}
    asked["formatOptions"] = {"useInt64Timestamp": request.flag("formatOptions.useInt64Timestamp")}
    return _answer(found, asked, done=found.poll())


def _answer(job: Job, asked: Json, *, done: bool, dry: bool = False) -> Json:
    answer: Json = {"kind": "bigquery#queryResponse", "jobReference": job.reference, "jobComplete": done}
    if not done:
        return answer
    if job.error:
        raise job.error
    statistics = job.statistics["query"]
    answer |= {"totalBytesProcessed": statistics["totalBytesProcessed"], "cacheHit": statistics["cacheHit"]}
    answer |= {"schema": {"fields": job.fields}, "totalRows": "0", "location": job.location}
    answer |= {"totalBytesBilled": statistics["totalBytesBilled"], "statementType": statistics["statementType"]}
    if job.affected is not None:
        answer["numDmlAffectedRows"] = str(job.affected)
    if job.result is None or dry:
        return answer
    whole = (asked.get("formatOptions") or {}).get("useInt64Timestamp")
    if asked.get("queryResultsFormat") == "ARROW":
        return {**answer, **arrow_page(job.result, asked.get("maxResults"))}
    return {
        **answer,
        **page(job.result, job.fields, asked.get("pageToken"), asked.get("maxResults"), whole=bool(whole)),
    }


# Uploads


@route("POST", _UPLOAD)
def upload(service: Service, request: Request, project: str) -> Json:
    kind = request.query.get("uploadType")
    if kind == "multipart":
        body, content = _parts(request)
        return _loaded(service.start_load(project, body, content))
    if kind == "resumable":
        session = uuid.uuid4().hex
        service.uploads.begin(session, request.json)
        request.answer["Location"] = f"{request.url}{request.path}?uploadType=resumable&upload_id={session}"
        return {}
    raise invalid(f"uploadType {kind} is not known")


@route("PUT", _UPLOAD)
def resume(service: Service, request: Request, project: str) -> Json:
    session = request.query.get("upload_id", "")
    known = service.uploads.job(session)
    if known is None:
        received = service.uploads.take(session, request.headers.get("content-range", ""), request.body)
        if received is not None:
            request.answer["Range"] = f"bytes=0-{received - 1}"
            raise Incomplete
        body, content = service.uploads.whole(session)
        known = service.start_load(project, body, content)
        service.uploads.finish(session, known)
    return _loaded(known)


class Incomplete(Exception):
    """The upload goes on: 308, and how much has come."""


def _loaded(job: Job) -> Json:
    return job.show(done=job.done.is_set())


def _parts(request: Request) -> tuple[Json, bytes]:
    head = b"Content-Type: " + request.headers["content-type"].encode() + b"\r\n\r\n"
    parts = BytesParser().parsebytes(head + request.body).get_payload()
    boundary = re.search(r'boundary="?([^";]+)', request.headers["content-type"])
    if not isinstance(parts, list) or len(parts) != 2 or boundary is None:
        raise invalid("Multipart must have a part of JSON and a part of media")
    # The media are cut out of the body as they are: a parser of mail would mend their line ends.
    marks = [found.start() for found in re.finditer(re.escape(b"--" + boundary[1].encode()), request.body)]
    first, media = (request.body[start:end] for start, end in itertools.pairwise(marks[:3]))
    return Request("", "", {}, {}, _content(first), "").json, _content(media)


def _content(part: bytes) -> bytes:
    return part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n")
