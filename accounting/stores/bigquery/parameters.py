"""Values as named parameters of a query, typed as Python types them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from accounting.errors import InputError

if TYPE_CHECKING:
    from google.cloud.bigquery import ArrayQueryParameter, ScalarQueryParameter

# bool before int, datetime before date: each is one of the other
_TYPES: dict[type, str] = {
    str: "STRING",
    bool: "BOOL",
    int: "INT64",
    float: "FLOAT64",
    Decimal: "NUMERIC",
    datetime: "TIMESTAMP",
    date: "DATE",
}


def parameters(values: Mapping[str, Any]) -> list[ScalarQueryParameter | ArrayQueryParameter]:
    """None and an empty list are STRING, which BigQuery takes for a DATE or a TIMESTAMP too.

    Raises `InputError` for a value of another type.
    """
    from google.cloud.bigquery import ArrayQueryParameter, ScalarQueryParameter

    found: list[ScalarQueryParameter | ArrayQueryParameter] = []
    for name, value in values.items():
        if isinstance(value, (list, tuple)):
            found.append(ArrayQueryParameter(name, _type(name, value[0] if value else None), list(value)))
        else:
            found.append(ScalarQueryParameter(name, _type(name, value), value))
    return found


def _type(name: str, value: object) -> str:
    if value is None:
        return "STRING"
    if isinstance(value, datetime) and value.tzinfo is None:
        return "DATETIME"
    found = next((said for kind, said in _TYPES.items() if isinstance(value, kind)), None)
    if found is None:
        raise InputError(f"parameter @{name}: a {type(value).__name__} cannot be asked for")
    return found
