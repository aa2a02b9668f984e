"""Values as REST's JSON has them: strings, `{"v": …}` and `{"f": […]}`."""

from __future__ import annotations

import base64
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa

from tests.fakes.bigquery.fields import Field

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def rows(table: pa.Table, fields: list[Field], *, int64_timestamps: bool) -> list[dict[str, Any]]:
    """Rows as `tabledata.list` and `getQueryResults` answer them."""
    columns = [column.to_pylist() for column in table.columns]
    return [_struct(row, fields, int64_timestamps) for row in zip(*columns, strict=True)]


def _struct(row: tuple[object, ...], fields: list[Field], whole: bool) -> dict[str, Any]:
    return {"f": [{"v": _cell(value, field, whole)} for value, field in zip(row, fields, strict=True)]}


def _cell(value: object, field: Field, whole: bool) -> object:
    if isinstance(value, list):
        return [{"v": _cell(one, {**field, "mode": "NULLABLE"}, whole)} for one in value]
    if isinstance(value, dict):
        return _struct(tuple(value.values()), field["fields"], whole)
    if value is None:
        return [] if field.get("mode") == "REPEATED" else None
    if field["type"] == "TIMESTAMP" and isinstance(value, datetime):
        micros = (value - _EPOCH) // timedelta(microseconds=1)
        return str(micros) if whole else repr(micros / 1e6)
    return _text(value)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    return repr(value) if isinstance(value, float) else str(value)
