"""The file's columns under our names: expressions bound to a file, with the types they read."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping as Table
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import polars as pl

from accounting.errors import InputError
from accounting.inputs.mapping import Mapping, Term, term
from accounting.inputs.names import unknown
from accounting.inputs.numbers import EXACT
from accounting.inputs.staged import ROW, Staged

LEFT = "_left"
_RAW = "@"
_ORIGINAL = "#"
_FAILED = "!"
_MONEY = ("price_per_hour",)


@dataclass(frozen=True, slots=True)
class Cells:
    """Mapped values of a file, still raw; `_left` is the reason a row is left out, or NULL."""

    frame: pl.LazyFrame
    dtypes: dict[str, pl.DataType]
    guarded: dict[str, str] = field(default_factory=dict)

    def failed(self, name: str) -> pl.Expr:
        """Why the expression (`guarded` has its text) of a column failed; NULL where it did not."""
        return pl.col(_FAILED + name)

    def has(self, name: str) -> bool:
        return name in self.dtypes

    def raw(self, name: str) -> pl.Expr:
        """The value as it was read; NULL where the column is not mapped."""
        return pl.col(_RAW + name) if name in self.dtypes else pl.lit(None)

    def dtype(self, name: str) -> pl.DataType:
        return self.dtypes.get(name, pl.Null())

    def text(self, name: str) -> pl.Expr:
        """The value as text."""
        return self.raw(name).cast(pl.String)


def bind(path: Path, staged: Staged, mapping: Mapping, terms: Table[str, Term], *, guarded: bool = False) -> Cells:
    """The mapped columns; raises `InputError` on a column that the file has not, or an expression that cannot work.

    An expression may fail on a value (a division by zero): `guarded`, slowly, tells which rows it fails on.
    """
    every = dict(terms)
    if mapping.settings.where is not None:
        every["where"] = term(mapping.settings.where)
    for name, each in every.items():
        _check_columns(path, (*staged.columns, *staged.extra), mapping, name, each)
    computed = {name: each for name, each in every.items() if each.bare is None}
    inside = _Inside.of(staged, {c for each in computed.values() for c in each.roots})
    plans = {name: _plan(mapping, name, each, inside) for name, each in computed.items()}
    careful = [name for name, each in computed.items() if guarded and each.roots]
    bare = {name: pl.col(each.bare) for name, each in every.items() if each.bare is not None}
    kept = [LEFT] if LEFT in staged.frame.collect_schema() else []
    frame = staged.frame.select(
        ROW,
        *kept,
        *(pl.col(c).alias(_ORIGINAL + c) for c in inside.schema),
        *(_readable(value, staged).alias(_RAW + name) for name, value in bare.items()),
    )
    for variant in dict.fromkeys(plan.variant for plan in plans.values()):
        group = [
            (_guarded(computed[n], plan.dtype) if n in careful else computed[n].expression).alias(_RAW + n)
            for n, plan in plans.items()
            if plan.variant == variant
        ]
        frame = frame.with_columns(inside.casts(variant)).with_columns(group)
        frame = frame.with_columns(each for name in careful if plans[name].variant == variant for each in _opened(name))
    dtypes = {name: pl.String() for name in bare} | {name: plan.dtype for name, plan in plans.items()}
    marked = _marked(frame, dtypes, bool(kept), careful)
    return Cells(marked, {n: d for n, d in dtypes.items() if n != "where"}, {n: computed[n].text for n in careful})


Variant = Literal["numbers", "exact", "text"]


@dataclass(frozen=True, slots=True)
class _Plan:
    """How an expression is evaluated: as what it sees the file's number columns, and what comes out."""

    variant: Variant
    dtype: pl.DataType


@dataclass(frozen=True, slots=True)
class _Inside:
    """The file's columns that expressions read, and the number types of those text columns that hold nothing else."""

    schema: dict[str, pl.DataType]
    numbers: dict[str, pl.DataType]

    @classmethod
    def of(cls, staged: Staged, columns: set[str]) -> _Inside:
        whole = staged.frame.collect_schema()
        schema = {c: whole[c] for c in (*staged.columns, *staged.extra) if c in columns}
        return cls(schema, _number_types(staged.frame, [c for c, t in schema.items() if t == pl.String]))

    def types(self, variant: Variant) -> dict[str, pl.DataType]:
        if variant == "text":
            return self.schema
        exact = dict.fromkeys(self.numbers, EXACT)
        return self.schema | (exact if variant == "exact" else self.numbers)

    def casts(self, variant: Variant) -> list[pl.Expr]:
        return [pl.col(_ORIGINAL + c).cast(t).alias(c) for c, t in self.types(variant).items()]

    def outcome(self, expression: pl.Expr, variant: Variant) -> pl.DataType:
        """The type that comes out; raises a Polars error where the expression does not fit the types."""
        nothing = pl.LazyFrame(schema=self.types(variant)).select(expression.alias("v")).collect()
        if nothing.height and expression.meta.root_names():
            raise pl.exceptions.InvalidOperationError("it sums up rows, and each row stands for itself")
        return nothing.schema["v"]


def _guarded(each: Term, dtype: pl.DataType) -> pl.Expr:
    """The expression as a struct of value and why it failed; a row that it fails on does not fail the others."""
    result = pl.Struct({"value": dtype, "failed": pl.String()})

    def evaluated(rows: pl.Series) -> pl.Series:
        return (
            pl.concat(_pieces(rows.struct.unnest(), each.expression, dtype))
            .select(pl.struct("value", "failed"))
            .to_series()
        )

    return pl.struct(each.roots).map_batches(evaluated, return_dtype=result, is_elementwise=True)


def _pieces(rows: pl.DataFrame, expression: pl.Expr, dtype: pl.DataType) -> list[pl.DataFrame]:
    try:
        return [rows.select(expression.cast(dtype).alias("value")).with_columns(failed=pl.lit(None, pl.String))]
    except pl.exceptions.PolarsError as error:
        if rows.height == 1:
            why = {"value": [None], "failed": [_first(error)]}
            return [pl.DataFrame(why, schema={"value": dtype, "failed": pl.String})]
        half = rows.height // 2
        return [*_pieces(rows[:half], expression, dtype), *_pieces(rows[half:], expression, dtype)]


def _check_columns(path: Path, columns: Iterable[str], mapping: Mapping, name: str, each: Term) -> None:
    known = list(columns)
    for root in each.roots:
        if root not in known:
            place = name if name == "where" else f"[columns]: {name}"
            raise InputError(f"{mapping.path}: {place}: {path.name} has {unknown('column', root, known)}")


def _number_types(frame: pl.LazyFrame, columns: list[str]) -> dict[str, pl.DataType]:
    """Int64 or Decimal(38, 9) for text columns that hold nothing else; one pass over the file."""
    if not columns:
        return {}
    tests: list[pl.Expr] = []
    for name in columns:
        column = pl.col(name)
        tests.append((column.is_not_null() & column.cast(pl.Int64, strict=False).is_null()).any().alias(f"i:{name}"))
        tests.append((column.is_not_null() & column.cast(EXACT, strict=False).is_null()).any().alias(f"d:{name}"))
    found = frame.select(tests).collect(engine="streaming").row(0, named=True)
    types: dict[str, pl.DataType] = {}
    for name in columns:
        if not found[f"d:{name}"]:
            types[name] = EXACT if found[f"i:{name}"] else pl.Int64()
    return types


def _plan(mapping: Mapping, name: str, each: Term, inside: _Inside) -> _Plan:
    place = name if name == "where" else f"[columns]: {name}"
    try:
        plan = _Plan("numbers", inside.outcome(each.expression, "numbers"))
    except pl.exceptions.PolarsError as error:
        # `lower(user)` must not fail in the file where all users happen to be numbers.
        try:
            plan = _Plan("text", inside.outcome(each.expression, "text"))
        except pl.exceptions.PolarsError:
            texts = ", ".join(c for c in each.roots if c in inside.schema and c not in inside.numbers)
            hint = f"; not only numbers stand in {texts}: write TRY_CAST(… AS DECIMAL(38, 9))" if texts else ""
            raise InputError(f"{mapping.path}: {place}: {each.text!r} cannot work: {_first(error)}{hint}") from error
    if name == "where" and plan.dtype not in (pl.Boolean(), pl.Null()):
        raise InputError(f"{mapping.path}: where: {each.text!r} is neither true nor false: write a comparison")
    if name not in _MONEY:
        return plan
    if plan.dtype.is_float():
        raise InputError(
            f"{mapping.path}: {place}: {each.text!r} gives a float, and money is exact:"
            " divide by a decimal (`/ 2.0`), or write CAST(… AS DECIMAL(38, 9))"
        )
    # Whole numbers divided by a decimal would keep six places only.
    return _Plan("exact", inside.outcome(each.expression, "exact")) if plan.variant == "numbers" else plan


def _readable(value: pl.Expr, staged: Staged) -> pl.Expr:
    text = value.cast(pl.String)
    return pl.when(text != "").then(text) if staged.typed else text


def _opened(name: str) -> list[pl.Expr]:
    both = pl.col(_RAW + name)
    return [both.struct.field("value").alias(_RAW + name), both.struct.field("failed").alias(_FAILED + name)]


def _marked(frame: pl.LazyFrame, dtypes: dict[str, pl.DataType], kept: bool, careful: list[str]) -> pl.LazyFrame:
    """`_left` filled where the mapping's `where` is not true."""
    left = pl.col(LEFT) if kept else pl.lit(None, dtype=pl.String)
    if "where" in dtypes:
        out = pl.col(_RAW + "where").cast(pl.Boolean).fill_null(False).not_()
        out = out & pl.col(_FAILED + "where").is_null() if "where" in careful else out
        left = pl.coalesce(left, pl.when(out).then(pl.lit("filtered")))
    return frame.select(ROW, left.alias(LEFT), *(_RAW + name for name in dtypes), *(_FAILED + name for name in careful))


def _first(error: Exception) -> str:
    return str(error).splitlines()[0]
