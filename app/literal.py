"""A question with its parameters written in, as it can be pasted to `chipledger query`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Any

_PARAMETER = re.compile(r"@(\w+)")
_OPTIONAL = re.compile(r"\(@(\w+) IS NULL OR (.+ = @\1)\)$")


@lru_cache
def parameters_of(text: str) -> tuple[str, ...]:
    """The names of a question's parameters, each once, in order."""
    return tuple(dict.fromkeys(_PARAMETER.findall(text)))


def written(text: str, parameters: Mapping[str, Any]) -> str:
    """The query with literals for its parameters, without the first comment; conditions that hold for all are gone."""
    lines = [line for line in text.strip().splitlines() if not line.startswith("-- Grain: ")]
    kept = (_condition(line, parameters) for line in lines)
    said = "\n".join(line for line in kept if line is not None)
    return _PARAMETER.sub(lambda found: literal(parameters[found[1]]), said)


def literal(value: date | str | None) -> str:
    """A value in GoogleSQL."""
    if value is None:
        return "NULL"
    if isinstance(value, date):
        return f"DATE '{value.isoformat()}'"
    escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"'{escaped}'"


def _condition(line: str, parameters: Mapping[str, Any]) -> str | None:
    """A line with an optional condition: without the option where it is used, None where it is not."""
    found = _OPTIONAL.search(line)
    if found is None:
        return line
    return None if parameters[found[1]] is None else line[: found.start()] + found[2]
