"""Rewrites of a typed GoogleSQL tree where DuckDB would answer something else without an error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlglot import exp

from accounting.errors import InputError
from accounting.stores import arrays, casts, texts
from accounting.stores.nodes import FLOAT, INTEGER, T, call, cast, typed_as, whole
from accounting.stores.subset import DIALECT

_VALUES = (
    exp.Alias, exp.If, exp.Case, exp.Coalesce, exp.Nullif, exp.Greatest, exp.Least, exp.Mod, exp.Abs, exp.Array,
    exp.PropertyEQ, exp.Struct, exp.Max, exp.Min, exp.AnyValue,
)  # fmt: skip
_MOVES = ("MICROSECOND", "MILLISECOND", "SECOND", "MINUTE", "HOUR", "DAY")
_AS_VALUES = ("this", "expression", "expressions", "true", "false", "default")
_FLOAT_ONLY = (exp.Pow, exp.Sqrt, exp.Exp, exp.Ln, exp.Log, exp.PercentileCont)


def floats(tree: exp.Expr) -> None:
    """Literals such as 1.5 are FLOAT64; DuckDB would take them as DECIMAL. In place."""
    for literal in list(tree.find_all(exp.Literal)):
        if not literal.is_string and set(literal.name) & set(".eE") and not literal.find_ancestor(exp.DataType):
            literal.replace(exp.cast(literal.copy(), "DOUBLE"))


def rewrite(tree: exp.Expr) -> exp.Expr:
    """The tree for DuckDB, children before parents; raises `InputError` where a type is needed and not known."""
    for node in reversed(list(tree.bfs())):
        for kind, rule in _RULES.items():
            if isinstance(node, kind):
                replacement = rule(node)
                if replacement is not node:
                    replacement.type = node.type
                    node.replace(replacement)
                break
    return tree


def _known(node: exp.Expr) -> exp.Expr:
    if node.type is None or node.type.this in (T.UNKNOWN, T.NULL):
        text = node.sql(dialect=DIALECT)
        raise InputError(f"the type of {text} is not known: write CAST({text} AS NUMERIC), FLOAT64 or INT64")
    return node


def _operands(node: exp.Expr) -> tuple[exp.Expr, exp.Expr]:
    return _known(node.this), _known(node.expression)


def _divide(node: exp.Expr) -> exp.Expr:
    left, right = _operands(node)
    exact = not any(typed_as(n, *FLOAT) for n in (left, right)) and any(typed_as(n, T.DECIMAL) for n in (left, right))
    if isinstance(node, exp.SafeDivide):
        right = exp.Nullif(this=right.copy(), expression=exp.Literal.number(0))
    return call("numeric_div" if exact else "float_div", left, right)


def _multiply(node: exp.Expr) -> exp.Expr:
    left, right = _operands(node)
    return cast(node, "DECIMAL(38, 9)") if typed_as(left, T.DECIMAL) and typed_as(right, T.DECIMAL) else _wide(node)


def _wide(node: exp.Expr) -> exp.Expr:
    """Integers have 64 bits; DuckDB's literals have 32. Instants and days are subtracted by functions."""
    left, right = node.this, node.expression
    if typed_as(left, T.TIMESTAMPTZ) and isinstance(right, exp.Interval):
        _moved(node)
    if isinstance(node, exp.Sub) and typed_as(left, T.DATE, T.TIMESTAMPTZ) and typed_as(right, T.DATE, T.TIMESTAMPTZ):
        text = node.sql(dialect=DIALECT)
        raise InputError(f"{text}: an interval differs between stores: write DATE_DIFF or TIMESTAMP_DIFF")
    if typed_as(left, T.INT) and typed_as(right, T.INT):
        left.replace(cast(left, "BIGINT"))
    return node


def _wide_literal(node: exp.Expr) -> exp.Expr:
    """Integers that become values have 64 bits; positions, lengths and counts stay what DuckDB's functions take."""
    parent = node.parent
    if not typed_as(node, T.INT) or isinstance(parent, exp.Neg) or whole(node) is None:
        return node
    return cast(node, "BIGINT") if isinstance(parent, _VALUES) and node.arg_key in _AS_VALUES else node


def _moved(node: exp.Expr) -> exp.Expr:
    """An instant moves by days and less; how long a month is depends on the zone."""
    unit = node.args.get("unit") or node.expression.args.get("unit")
    if unit is not None and unit.name.upper() not in _MOVES:
        text = node.sql(dialect=DIALECT)
        raise InputError(f"{text}: only MICROSECOND … DAY move an instant: write TIMESTAMP(DATE_ADD(DATE(x), …))")
    return node


def _whole_division(node: exp.Expr) -> exp.Expr:
    left, right = _operands(node)
    if not (typed_as(left, *INTEGER) and typed_as(right, *INTEGER)):
        raise InputError("DIV of NUMERIC differs between stores: write TRUNC(a / b)")
    return exp.paren(exp.IntDiv(this=exp.paren(cast(left, "BIGINT")), expression=exp.paren(right.copy())))


def _aggregate(node: exp.Expr) -> exp.Expr:
    """The outermost of FILTER and OVER stands for the function inside."""
    if isinstance(node.parent, (exp.Window, exp.Filter, exp.IgnoreNulls, exp.RespectNulls)) and node.arg_key == "this":
        return node
    function = node
    while isinstance(function, (exp.Window, exp.Filter, exp.IgnoreNulls, exp.RespectNulls)):
        function = function.this
    if isinstance(function, exp.Avg):
        return _average(node, function)
    if isinstance(function, exp.Corr):
        return _correlation(node, function)
    if (isinstance(function, exp.Sum) and typed_as(function, *INTEGER)) or isinstance(function, exp.CountIf):
        return cast(node, "BIGINT")
    return node


def _average(node: exp.Expr, function: exp.Avg) -> exp.Expr:
    if not typed_as(_known(function), T.DECIMAL):
        return node
    total, count = (_instead(node, function, kind(this=function.this.copy())) for kind in (exp.Sum, exp.Count))
    none = exp.Nullif(this=count, expression=exp.Literal.number(0))
    return call("numeric_div", total, none)


def _correlation(node: exp.Expr, function: exp.Corr) -> exp.Expr:
    """Of fewer than two pairs it is NULL."""
    pairs = _instead(node, function, call("regr_count", function.this, function.expression))
    return exp.case().when(exp.GT(this=pairs, expression=exp.Literal.number(1)), node.copy())


def _instead(node: exp.Expr, function: exp.Expr, other: exp.Expr) -> exp.Expr:
    if node is function:
        return other
    copy = node.copy()
    next(n for n in copy.walk() if n == function).replace(other)
    return copy


def _float_only(node: exp.Func) -> exp.Expr:
    """An error where the result would be no finite number."""
    if any(typed_as(n, T.DECIMAL) for n in (node.this, node.args.get("expression"))):
        raise InputError(f"{node.sql_name()} of NUMERIC differs between stores: write CAST(x AS FLOAT64)")
    return node if isinstance(node, exp.PercentileCont) else call("finite", node)


def _rounded(node: exp.Expr) -> exp.Expr:
    """ROUND and TRUNC of INT64 are FLOAT64."""
    if typed_as(node.this, *INTEGER):
        node.this.replace(cast(node.this, "DOUBLE"))
    return node


def _sign(node: exp.Expr) -> exp.Expr:
    """SIGN has the type of its argument; DuckDB's has 8 bits."""
    kinds = {T.DECIMAL: "DECIMAL(38, 9)", T.DOUBLE: "DOUBLE", T.FLOAT: "DOUBLE"}
    return cast(node, next((to for kind, to in kinds.items() if typed_as(node.this, kind)), "BIGINT"))


def _elapsed(node: exp.Expr) -> exp.Expr:
    """TIMESTAMP_DIFF counts whole units; DuckDB's date_diff counts borders between them."""
    return call("date_sub", exp.Literal.string(node.args["unit"].name.lower()), node.expression, node.this)


def _extract(node: exp.Expr) -> exp.Expr:
    unit = node.name.upper()
    if typed_as(node.expression, T.TIMESTAMPTZ):
        node.set("expression", exp.AtTimeZone(this=node.expression.copy(), zone=exp.Literal.string("UTC")))
    if unit == "ISOWEEK":
        node.set("this", exp.var("WEEK"))
    if unit == "DAYOFWEEK":
        node.set("this", exp.var("DOW"))
        return exp.paren(exp.Add(this=node.copy(), expression=exp.Literal.number(1)))
    if unit == "DATE":
        return cast(node.expression, "DATE")
    if unit in ("MILLISECOND", "MICROSECOND"):
        within = exp.Literal.number(1000 if unit == "MILLISECOND" else 1_000_000)
        return exp.paren(exp.Mod(this=node.copy(), expression=within))
    return node


def _truncated(node: exp.Expr) -> exp.Expr:
    """Hours and less begin in the zone, too, which sqlglot would leave out."""
    zone, unit = node.args.get("zone"), node.args["unit"].name.upper()
    if zone and unit in ("HOUR", "MINUTE", "SECOND", "MILLISECOND", "MICROSECOND"):
        return call("truncated", exp.Literal.string(unit.lower()), node.this, zone)
    return node


def _day(node: exp.Expr) -> exp.Expr:
    """A DATE stays a DATE; DuckDB makes it a TIMESTAMP."""
    if isinstance(node, exp.DateTrunc) and not typed_as(node, T.DATE, T.TIMESTAMPTZ, T.TIMESTAMP):
        raise InputError(f"{node.sql(dialect=DIALECT)}: the type is not known: write CAST(x AS DATE)")
    if isinstance(node, (exp.DateAdd, exp.DateSub)) and typed_as(node.this, T.TIMESTAMPTZ):
        return _moved(node)
    if isinstance(node, exp.DateTrunc) and node.args.get("zone"):
        unit = exp.var(node.args["unit"].sql(dialect=DIALECT).strip("'"))
        return _truncated(exp.TimestampTrunc(this=node.this.copy(), unit=unit, zone=node.args["zone"].copy()))
    return cast(node, "DATE") if typed_as(node, T.DATE) else node


def _instant(node: exp.Expr) -> exp.Expr:
    """An instant has a zone; DuckDB's functions give a local time."""
    if node.args.get("zone"):
        raise InputError("PARSE_TIMESTAMP with a zone differs between stores: write a format with %z")
    return cast(node, "TIMESTAMPTZ")


def _parsed_day(node: exp.Expr) -> exp.Expr:
    """By way of an instant: sqlglot reads its own cast to a day again, and takes a parameter in it for a column."""
    return cast(exp.StrToTime(**{name: arg.copy() for name, arg in node.args.items() if arg}), "DATE")


def _text_of_time(node: exp.Expr) -> exp.Expr:
    zone = node.args.get("zone")
    if zone:
        inner = node.this.this if isinstance(node.this, (exp.TsOrDsToTimestamp, exp.TsOrDsToDate)) else node.this
        node.set("zone", None)
        node.set("this", exp.AtTimeZone(this=inner.copy(), zone=zone.copy()))
    return node


def _whole_seconds(node: exp.Expr) -> exp.Expr:
    return cast(exp.Floor(this=call("epoch", node.this)), "BIGINT")


_RULES: dict[Any, Callable[[Any], exp.Expr]] = {
    (exp.Literal, exp.Neg): _wide_literal,
    (exp.Div, exp.SafeDivide): _divide,
    exp.Mul: _multiply,
    (exp.Add, exp.Sub): _wide,
    exp.IntDiv: _whole_division,
    (exp.Avg, exp.Sum, exp.CountIf, exp.Corr, exp.Window, exp.Filter): _aggregate,
    (exp.Cast, exp.TryCast): casts.casting,
    _FLOAT_ONLY: _float_only,
    (exp.Round, exp.Trunc): _rounded,
    exp.Sign: _sign,
    exp.Bracket: arrays.element,
    exp.TimestampTrunc: _truncated,
    (exp.TimestampAdd, exp.TimestampSub): _moved,
    exp.TimestampDiff: _elapsed,
    exp.Extract: _extract,
    (exp.DateTrunc, exp.DateAdd, exp.DateSub, exp.LastDay): _day,
    (exp.StrToTime, exp.UnixToTime): _instant,
    exp.StrToDate: _parsed_day,
    exp.TimeToStr: _text_of_time,
    exp.DateFromUnixDate: lambda node: cast(node, "DATE"),
    exp.UnixSeconds: _whole_seconds,
    exp.Like: texts.like,
    exp.Trim: texts.trim,
    exp.Substring: texts.part,
    (exp.Left, exp.Right, exp.Pad, exp.Repeat): texts.side,
    (exp.Concat, exp.DPipe): texts.joined,
    exp.Unnest: arrays.unnest,
    exp.Join: arrays.join,
}
