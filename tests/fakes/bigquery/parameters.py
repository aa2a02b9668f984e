"""Query parameters: their declared types, and their values as SQL."""

from __future__ import annotations

import base64
from typing import Any

import sqlglot
from sqlglot import exp

from tests.fakes.bigquery.errors import invalid_query
from tests.fakes.bigquery.fields import Field, duckdb_type, stated

Json = dict[str, Any]


def field_of_type(name: str, kind: Json) -> Field:
    """A QueryParameterType as a field."""
    if kind["type"] == "ARRAY":
        return {**field_of_type(name, kind["arrayType"]), "mode": "REPEATED"}
    if kind["type"] == "STRUCT":
        parts = [field_of_type(part.get("name", f"_{n}"), part["type"]) for n, part in enumerate(kind["structTypes"])]
        return stated({"name": name, "type": "STRUCT", "fields": parts})
    return stated({"name": name, "type": kind["type"]})


class Parameter:
    """A named parameter."""

    def __init__(self, stated_as: Json) -> None:
        self.name = str(stated_as.get("name") or "")
        if not self.name:
            raise invalid_query("Positional parameters are not supported here")
        self.field = field_of_type(self.name, stated_as["parameterType"])
        self._value: Json = stated_as.get("parameterValue") or {}

    @property
    def is_rows(self) -> bool:
        """Whether it is an ARRAY of STRUCT."""
        return bool(self.field["mode"] == "REPEATED" and self.field["type"] == "RECORD")

    @property
    def tree(self) -> exp.Expr:
        """The value, as an expression of its type."""
        text = f"CAST({_literal(self.field, self._value)} AS {duckdb_type(self.field)})"
        return sqlglot.parse_one(text, read="duckdb")

    @property
    def elements(self) -> list[str]:
        """The rows of an ARRAY<STRUCT>, each as a list of SQL values in parentheses."""
        rows = self._value.get("arrayValues") or []
        return ["(" + ", ".join(_members(self.field["fields"], row)) + ")" for row in rows]


def _members(fields: list[Field], value: Json) -> list[str]:
    values = value.get("structValues") or {}
    return [f"CAST({_literal(part, values.get(part['name']) or {})} AS {duckdb_type(part)})" for part in fields]


def _literal(field: Field, value: Json) -> str:
    if field.get("mode") == "REPEATED":
        one = {**field, "mode": "NULLABLE"}
        return "[" + ", ".join(_literal(one, part) for part in value.get("arrayValues") or []) + "]"
    if field["type"] == "RECORD":
        members = _members(field["fields"], value)
        names = [f"'{part['name']}'" for part in field["fields"]]
        return "{" + ", ".join(f"{name}: {member}" for name, member in zip(names, members, strict=True)) + "}"
    text = value.get("value")
    if text is None:
        return "NULL"
    if field["type"] == "BYTES":
        return f"from_hex('{base64.b64decode(text).hex()}')"
    return "'" + str(text).replace("'", "''") + "'"
