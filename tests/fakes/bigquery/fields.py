"""Types of columns: as REST names them, in GoogleSQL, in DuckDB and in Arrow."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from tests.fakes.bigquery.errors import invalid

Field = dict[str, Any]
"""A TableFieldSchema."""

_LEGACY = {
    "INT64": "INTEGER",
    "FLOAT64": "FLOAT",
    "BOOL": "BOOLEAN",
    "STRUCT": "RECORD",
    "DECIMAL": "NUMERIC",
    "BIGDECIMAL": "BIGNUMERIC",
}
_STANDARD = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}
_DUCKDB = {
    "STRING": "VARCHAR",
    "BYTES": "BLOB",
    "INTEGER": "BIGINT",
    "FLOAT": "DOUBLE",
    "NUMERIC": "DECIMAL(38, 9)",
    "BOOLEAN": "BOOLEAN",
    "TIMESTAMP": "TIMESTAMPTZ",
    "DATE": "DATE",
    "TIME": "TIME",
    "DATETIME": "TIMESTAMP",
    "JSON": "JSON",
}
_ARROW = {
    "STRING": pa.string(),
    "BYTES": pa.binary(),
    "INTEGER": pa.int64(),
    "FLOAT": pa.float64(),
    "NUMERIC": pa.decimal128(38, 9),
    "BOOLEAN": pa.bool_(),
    "TIMESTAMP": pa.timestamp("us", tz="UTC"),
    "DATE": pa.date32(),
    "TIME": pa.time64("us"),
    "DATETIME": pa.timestamp("us"),
    "JSON": pa.string(),
}


def stated(field: Field) -> Field:
    """The field as an answer has it: legacy type name and a mode; raises `ApiError` for a type that is not known."""
    said = str(field.get("type", "")).upper()
    kind = _LEGACY.get(said, said)
    if kind != "RECORD" and kind not in _DUCKDB:
        raise invalid(f"Invalid value for type: {field.get('type')} is not a valid value")
    out = {**field, "type": kind, "mode": str(field.get("mode") or "NULLABLE").upper()}
    if kind == "RECORD":
        out["fields"] = [stated(part) for part in field.get("fields", [])]
    return out


def duckdb_type(field: Field) -> str:
    if field["type"] == "RECORD":
        plain = "STRUCT(" + ", ".join(f'"{part["name"]}" {duckdb_type(part)}' for part in field["fields"]) + ")"
    else:
        plain = _DUCKDB[field["type"]]
    return plain + "[]" * (field.get("mode") == "REPEATED")


def googlesql_type(field: Field) -> str:
    if field["type"] == "RECORD":
        plain = "STRUCT<" + ", ".join(f"`{part['name']}` {googlesql_type(part)}" for part in field["fields"]) + ">"
    else:
        plain = str(_STANDARD.get(field["type"], field["type"]))
    return f"ARRAY<{plain}>" if field.get("mode") == "REPEATED" else plain


def arrow_type(field: Field) -> pa.DataType:
    if field["type"] == "RECORD":
        plain = pa.struct([pa.field(part["name"], arrow_type(part)) for part in field["fields"]])
    else:
        plain = _ARROW[field["type"]]
    return pa.list_(plain) if field.get("mode") == "REPEATED" else plain


def arrow_schema(fields: list[Field]) -> pa.Schema:
    return pa.schema([pa.field(field["name"], arrow_type(field)) for field in fields])


def field_of(name: str, kind: pa.DataType) -> Field:
    """The field that a column of a query's result or of a file is."""
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return {**field_of(name, kind.value_type), "mode": "REPEATED"}
    if pa.types.is_struct(kind):
        parts = [field_of(part.name, part.type) for part in kind]
        return {"name": name, "type": "RECORD", "mode": "NULLABLE", "fields": parts}
    return {"name": name, "type": _plain(kind), "mode": "NULLABLE"}


def fields_of(schema: pa.Schema) -> list[Field]:
    return [field_of(column.name, column.type) for column in schema]


def _plain(kind: pa.DataType) -> str:
    if pa.types.is_timestamp(kind):
        return "TIMESTAMP" if kind.tz else "DATETIME"
    if pa.types.is_decimal(kind):
        return "INTEGER" if kind.scale == 0 else "NUMERIC"  # DuckDB's HUGEINT comes as DECIMAL(38, 0)
    tests = (
        (pa.types.is_boolean, "BOOLEAN"),
        (pa.types.is_integer, "INTEGER"),
        (pa.types.is_floating, "FLOAT"),
        (pa.types.is_date, "DATE"),
        (pa.types.is_time, "TIME"),
        (pa.types.is_binary, "BYTES"),
        (pa.types.is_large_binary, "BYTES"),
        (pa.types.is_null, "INTEGER"),
    )
    return next((name for test, name in tests if test(kind)), "STRING")
