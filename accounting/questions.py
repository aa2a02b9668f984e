"""The questions that people ask: the files of sql/queries, and the parameters that a query declares.

A declaration is a comment line of its own; with `= DEFAULT` (or `= NULL`) nobody needs to give a value:

    -- @month STRING: billing month, YYYY-MM
    -- @team STRING = NULL: only what this team bears
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from difflib import get_close_matches

import sql
from accounting.errors import InputError

OPENING = "-- Question: "
_FOLDER = "queries"
_DECLARED = re.compile(r"(?m)^-- @(\w+) (DATE|INT64|NUMERIC|STRING)(?: = (\S+))?: (.+)$")

Value = str | int | Decimal | date | None


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter as declared; `default` is None where a value must be given. `value` reads what somebody wrote."""

    name: str
    type: str
    default: str | None
    meaning: str

    def value(self, text: str) -> Value:
        """The value that a text says; raises `InputError` where it is none of the type."""
        pattern, read, how = _TYPES[self.type]
        if re.fullmatch(pattern, text):
            try:
                return read(text)
            except ValueError as error:
                raise InputError(f"--set {self.name}={text}: {error}: write {how}") from error
        raise InputError(f"--set {self.name}={text}: is no {self.type}: write {how}")


_TYPES: dict[str, tuple[str, Callable[[str], Value], str]] = {
    "DATE": (r"\d{4}-\d\d-\d\d", date.fromisoformat, "YYYY-MM-DD"),
    "INT64": (r"-?\d{1,18}", int, "a whole number"),
    "NUMERIC": (r"-?\d{1,29}(\.\d{1,9})?", Decimal, "a number with at most 9 decimals"),
    "STRING": (r"(?s).*", str, "a text"),
}


def names() -> list[str]:
    """The names of all questions, sorted."""
    return [name.partition("/")[2] for name in sql.names(_FOLDER)]


def read(name: str) -> str:
    """The text of a question; raises `InputError` with near matches where there is none of that name."""
    known = names()
    if name not in known:
        near = get_close_matches(name.lower(), known)
        meant = f"did you mean {' or '.join(near)}?" if near else "chipledger query --list has them"
        raise InputError(f"no question is called {name!r}: {meant}")
    return sql.read(f"{_FOLDER}/{name}")


def asked(text: str) -> str:
    """What a question answers: its first line."""
    return text.partition("\n")[0].removeprefix(OPENING)


def parameters(text: str) -> list[Parameter]:
    """What the text of a query declares, in its order."""
    return [Parameter(*one.groups()) for one in _DECLARED.finditer(text)]


def values(text: str, given: Sequence[str]) -> dict[str, Value]:
    """A value for each parameter that the text declares, of `NAME=VALUE` as people gave them, or its default.

    Raises `InputError` for a value that is missing, of another type, or of a parameter that is not declared.
    """
    declared = parameters(text)
    said = _said(given, [one.name for one in declared])
    missing = [one for one in declared if one.default is None and one.name not in said]
    if missing:
        wanted = ", ".join(f"--set {one.name}=… ({one.meaning})" for one in missing)
        raise InputError(f"the query has parameters without a value: give {wanted}")
    return {one.name: one.value(said[one.name]) if one.name in said else _default(one) for one in declared}


def _said(given: Sequence[str], declared: Sequence[str]) -> dict[str, str]:
    said: dict[str, str] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals:
            raise InputError(f"--set {one}: write --set NAME=VALUE")
        if name not in declared:
            known = f"it has {', '.join(declared)}" if declared else "it declares none, as `-- @month STRING: meaning`"
            raise InputError(f"--set {one}: the query has no parameter {name!r}: {known}")
        said[name] = value
    return said


def _default(parameter: Parameter) -> Value:
    return None if parameter.default is None or parameter.default == "NULL" else parameter.value(parameter.default)
