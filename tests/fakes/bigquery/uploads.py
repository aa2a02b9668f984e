"""Resumable uploads: pieces come, are kept, and may come again."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.bigquery.errors import ApiError
from tests.fakes.bigquery.jobs import Job

Json = dict[str, Any]
_RANGE = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)")


@dataclass
class _Session:
    body: Json
    content: bytearray = field(default_factory=bytearray)
    job: Job | None = None


class Uploads:
    """The sessions that were begun."""

    def __init__(self) -> None:
        self._sessions: dict[str, _Session] = {}
        self._lock = threading.Lock()

    def begin(self, session: str, body: Json) -> None:
        self._sessions[session] = _Session(body)

    def _get(self, session: str) -> _Session:
        if session not in self._sessions:
            raise ApiError(404, "notFound", "Not found: the upload session")
        return self._sessions[session]

    def job(self, session: str) -> Job | None:
        """The job, where the upload is complete."""
        return self._get(session).job

    def take(self, session: str, content_range: str, piece: bytes) -> int | None:
        """Adds a piece; how many bytes have come, or None where that is all; raises `ApiError` for a gap."""
        found = self._get(session)
        told = _RANGE.fullmatch(content_range)
        with self._lock:
            if told is None:  # without a range: the whole
                found.content[:] = piece
                return None
            start = int(told[1]) if told[1] else len(found.content)
            if start > len(found.content):
                raise ApiError(400, "invalid", f"Failed to parse Content-Range header: {content_range}")
            found.content[start:] = piece
            return None if told[2] != "*" and len(found.content) == int(told[2]) else len(found.content)

    def whole(self, session: str) -> tuple[Json, bytes]:
        found = self._get(session)
        return found.body, bytes(found.content)

    def finish(self, session: str, job: Job) -> None:
        self._get(session).job = job
