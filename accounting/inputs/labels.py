"""Labels and tags of a bill's lines: which team they name, and what tells a line from another that is else alike."""

from __future__ import annotations

import hashlib

import msgspec
import polars as pl

from accounting.inputs.nested import each, parsed


def team(cell: pl.Expr, key: str) -> pl.Expr:
    """The value of that label, in a list of keys and values or in a record; NULL: none."""

    def told(text: str) -> str | None:
        value = _pairs(text).get(key)
        return value.strip() or None if value is not None else None

    return cell.map_batches(each(told, pl.String()), return_dtype=pl.String(), is_elementwise=True)


def canonical(cell: pl.Expr) -> pl.Expr:
    """Labels in one order and one writing, whatever file they were in; NULL: none."""

    def told(text: str) -> str | None:
        pairs = _pairs(text)
        return msgspec.json.encode(pairs, order="sorted").decode() if pairs else None

    return cell.map_batches(each(told, pl.String()), return_dtype=pl.String(), is_elementwise=True)


def digest(cells: list[pl.Expr]) -> pl.Expr:
    """Of several cells, told apart; NULL where none has anything."""
    joined = pl.concat_str([cell.fill_null("") for cell in cells], separator="\x1f")

    def told(text: str) -> str | None:
        return hashlib.blake2b(text.encode(), digest_size=12).hexdigest() if text.strip("\x1f") else None

    return joined.map_batches(each(told, pl.String()), return_dtype=pl.String(), is_elementwise=True)


def _pairs(text: str) -> dict[str, str]:
    """Of a cell that is no list of labels, the text itself, so that it still tells lines apart."""
    try:
        found = parsed(text)
    except ValueError:
        return {"": text}
    if isinstance(found, dict):
        return {str(key): str(value) for key, value in found.items() if value is not None}
    items = found if isinstance(found, list) else [found]
    return dict(_pair(item) for item in items if item is not None)


def _pair(item: object) -> tuple[str, str]:
    if isinstance(item, dict) and item.get("key") is not None:
        value = item.get("value")
        return str(item["key"]), "" if value is None else str(value)
    return "", str(item)
