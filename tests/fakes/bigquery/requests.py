"""A request of REST, as the routes see it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.bigquery.errors import ApiError, invalid

Json = dict[str, Any]


@dataclass
class Request:
    """Method, path, query, headers (names in small letters) and body."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    url: str
    answer: dict[str, str] = field(default_factory=dict)
    """Headers of the answer, beside those that each has."""

    @property
    def json(self) -> Json:
        try:
            parsed = json.loads(self.body) if self.body else {}
        except ValueError as error:
            raise invalid(f"Parse Error: {error}") from error
        if not isinstance(parsed, dict):
            raise invalid("Parse Error: the body must be an object")
        return parsed

    @property
    def user(self) -> str | None:
        """Who asks: the text of the bearer's token; None: nobody told, who may do everything."""
        return self.headers.get("authorization", "").removeprefix("Bearer ") or None

    def flag(self, name: str) -> bool:
        return self.query.get(name, "").lower() == "true"


Answer = Callable[..., Json]
_ROUTES: list[tuple[str, re.Pattern[str], Answer]] = []


def route(method: str, path: str) -> Callable[[Answer], Answer]:
    """Registers the function that answers; `{name}` in the path becomes an argument."""
    pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path))

    def register(answer: Answer) -> Answer:
        _ROUTES.append((method, pattern, answer))
        return answer

    return register


def answered(service: object, request: Request) -> Json:
    """What the route of the request answers; raises `ApiError`."""
    path = request.path.replace("/bigquery/v2/", "/", 1)
    for method, pattern, answer in _ROUTES:
        found = pattern.fullmatch(path)
        if found and method == request.method:
            return answer(service, request, **found.groupdict())
    raise ApiError(404, "notFound", f"Not found: {request.method} {request.path} is not known to this server")
