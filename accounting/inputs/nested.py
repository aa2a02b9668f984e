"""Values inside of others: fields of records in Parquet, in JSON lines, and under dotted names in CSV, all as text."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec
import polars as pl

from accounting.inputs.staged import LINE, Staged

Json = dict[str, Any] | list[Any] | str | int | Decimal | bool | None
_NAMES = {"True": True, "False": False, "None": None, "true": True, "false": False, "null": None}
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ANY = msgspec.json.Decoder(float_hook=Decimal)


def flattened(staged: Staged, names: Sequence[str]) -> Staged:
    """With a column for each of the dotted names; NULL where the file has it not. Lists are JSON.

    Numbers that stand in a file as text stay the text that they are there.
    """
    schema = staged.frame.collect_schema()
    if LINE in schema:
        lines = pl.col(LINE).map_batches(_reader(names), return_dtype=_texts(names), is_elementwise=True)
        frame = staged.frame.with_columns(lines.alias(LINE)).with_columns(
            pl.col(LINE).struct.field(name).alias(name) for name in names
        )
        frame = frame.drop(LINE)
    else:
        frame = staged.frame.with_columns(_field(schema, name).alias(name) for name in names)
    extra = tuple(name for name in names if name not in staged.columns)
    return replace(staged, frame=frame, extra=extra)


def lacking(staged: Staged, names: Sequence[str]) -> str | None:
    """The first of the dotted names that is no column of the file, nor in one."""
    have = {name.partition(".")[0] for name in staged.columns} | {name.replace(".", "_") for name in staged.columns}
    return next((n for n in names if n.partition(".")[0] not in have and n.replace(".", "_") not in have), None)


def _field(schema: pl.Schema, name: str) -> pl.Expr:
    """A column of that name, also with `_` for the dots, or a field of a record."""
    for column in (name, name.replace(".", "_")):
        if column in schema:
            return _plain(pl.col(column), schema[column])
    outer, _, inner = name.partition(".")
    record = schema.get(outer)
    fields = pl.Schema(record.to_schema()) if isinstance(record, pl.Struct) else pl.Schema()
    if inner in fields:
        return _plain(pl.col(outer).struct.field(inner), fields[inner])
    return pl.lit(None, dtype=pl.String)


def _plain(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if isinstance(dtype, pl.List) and isinstance(dtype.inner, pl.Struct):
        inside = value.list.eval(pl.element().struct.json_encode()).list.join(",")
        return pl.when(value.is_not_null()).then(pl.format("[{}]", inside.fill_null("")))
    if isinstance(dtype, pl.Struct):
        return value.struct.json_encode()
    if isinstance(dtype, pl.List):
        return pl.format("[{}]", value.cast(pl.List(pl.String)).list.join(","))
    return value.cast(pl.String)


def _texts(names: Sequence[str]) -> pl.Struct:
    return pl.Struct(dict.fromkeys(names, pl.String()))


def _reader(names: Sequence[str]) -> Callable[[pl.Series], pl.Series]:
    paths = [(name, *name.partition(".")[::2]) for name in names]

    def read(lines: pl.Series) -> pl.Series:
        rows = [_row(line, paths) for line in lines]
        return pl.Series(lines.name, rows, dtype=_texts(names))

    return read


def _row(line: str | None, paths: Sequence[tuple[str, str, str]]) -> dict[str, str | None]:
    top = _object(line.encode()) if line is not None else {}
    records: dict[str, dict[str, msgspec.Raw]] = {}
    found: dict[str, str | None] = {}
    for name, outer, inner in paths:
        if name in top or not inner:
            found[name] = _text(top.get(name))
            continue
        if outer not in records:
            records[outer] = _object(bytes(top[outer])) if outer in top else {}
        found[name] = _text(records[outer].get(inner))
    return found


def _object(raw: bytes) -> dict[str, msgspec.Raw]:
    return _OBJECT.decode(raw) if raw.lstrip().startswith(b"{") else {}


def _text(raw: msgspec.Raw | None) -> str | None:
    if raw is None:
        return None
    text = bytes(raw).decode().strip()
    if text.startswith('"'):
        return str(msgspec.json.decode(text)) or None
    return None if text == "null" else text


def parsed(text: str) -> Json:
    """A list or record that stands in a cell, as JSON or as Python prints it; raises ValueError where it is neither.

    Fractions are Decimals of their text.
    """
    try:
        value: Json = _ANY.decode(text)
    except msgspec.DecodeError:
        return _literal(text)
    return value


def _literal(text: str) -> Json:
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, MemoryError, RecursionError) as error:
        raise ValueError("neither JSON nor Python") from error
    return _value(tree.body, text.strip())


def _value(node: ast.expr, text: str) -> Json:
    match node:
        case ast.Constant(value=float()):
            return Decimal(ast.get_source_segment(text, node) or "")
        case ast.Constant(value=str() | int() | None as value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            inner = _value(operand, text)
            if isinstance(inner, int | Decimal):
                return -inner
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            return [_value(element, text) for element in elements]
        case ast.Dict(keys=keys, values=values) if None not in keys:
            pairs = zip((k for k in keys if k is not None), values, strict=True)
            return {str(_value(key, text)): _value(value, text) for key, value in pairs}
        case ast.Name(id=name) if name in _NAMES:
            return _NAMES[name]
    raise ValueError("neither JSON nor Python")


def each(tell: Callable[[str], Any], dtype: pl.DataType) -> Callable[[pl.Series], pl.Series]:
    """A batch function that asks `tell` once for each different text."""

    def told(values: pl.Series) -> pl.Series:
        distinct = values.unique()
        answers = [None if text is None else tell(text) for text in distinct]
        known = pl.DataFrame({"text": distinct, "told": pl.Series(answers, dtype=dtype)})
        joined = (
            values.rename("text").to_frame().join(known, on="text", how="left", nulls_equal=True, maintain_order="left")
        )
        return joined["told"].rename(values.name)

    return told
