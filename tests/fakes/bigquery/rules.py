"""GoogleSQL's meaning in DuckDB's words, node by node of a tree whose types are known; from Google's reference."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from sqlglot import exp

from tests.fakes.bigquery.errors import invalid_query

Tree = TypeVar("Tree", bound=exp.Expr)
T = exp.DType
_NUMERIC = "DECIMAL(38, 9)"
_INTEGERS = (T.BIGINT, T.INT, T.SMALLINT, T.TINYINT)
_AGGREGATES = (exp.Sum, exp.CountIf, exp.Avg)
_MODIFIERS = (exp.Window, exp.Filter, exp.IgnoreNulls, exp.RespectNulls)


def rewrite(tree: Tree) -> Tree:
    """The tree with every rule applied, innermost nodes first."""
    for node in reversed(list(tree.bfs())):
        rule = next((rule for kinds, rule in _RULES if isinstance(node, kinds)), None)
        if rule is not None:
            new = rule(node)
            if new is not node:
                new.type = node.type
                node.replace(new)
    return tree


def has_type(node: exp.Expr | None, *kinds: exp.DType) -> bool:
    return node is not None and node.type is not None and node.type.this in kinds


def _cast(node: exp.Expr, kind: str) -> exp.Expr:
    return exp.Cast(this=node.copy(), to=exp.DataType.build(kind, dialect="duckdb"))


def _call(name: str, *arguments: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this=name, expressions=[one.copy() for one in arguments])


def _is_numeric(*nodes: exp.Expr) -> bool:
    """Whether arithmetic of these is NUMERIC: one is, and none is FLOAT64."""
    floating = any(has_type(node, T.DOUBLE, T.FLOAT) for node in nodes)
    return not floating and any(has_type(node, T.DECIMAL) for node in nodes)


def _known(*nodes: exp.Expr) -> None:
    for node in nodes:
        if node.type is None or node.type.this == T.UNKNOWN:
            raise invalid_query(f"This server cannot tell the type of {node.sql(dialect='bigquery')}")


# Numbers


def _literal(node: exp.Expr) -> exp.Expr:
    """1.5 is FLOAT64, 1 is INT64: DuckDB has them as DECIMAL(2, 1) and as 32 bits."""
    if not isinstance(node, exp.Literal) or node.is_string:
        return node
    if any(sign in node.name for sign in ".eE"):
        return _cast(node, "DOUBLE")
    return _cast(node, "BIGINT") if isinstance(node.parent, (exp.Add, exp.Sub, exp.Mul, exp.IntDiv, exp.Sum)) else node


def _divided(node: exp.Expr) -> exp.Expr:
    left, right = node.this, node.expression
    _known(left, right)
    if isinstance(node, exp.SafeDivide):
        right = exp.Nullif(this=right.copy(), expression=exp.Literal.number(0))
    if _is_numeric(left, node.expression):
        return _call("bq_numeric_div", left, right)
    return _call("bq_finite", exp.Div(this=_cast(left, "DOUBLE"), expression=_cast(right, "DOUBLE")))


def _multiplied(node: exp.Expr) -> exp.Expr:
    _known(node.this, node.expression)
    return _cast(node, _NUMERIC) if _is_numeric(node.this, node.expression) else node


def _whole(node: exp.Expr) -> exp.Expr:
    """DIV is a function in GoogleSQL and an operator in DuckDB."""
    left, right = (exp.paren(part.copy()) for part in (node.this, node.expression))
    return exp.paren(exp.IntDiv(this=left, expression=right))


def _rounded(node: exp.Expr) -> exp.Expr:
    """ROUND and TRUNC keep NUMERIC; of INT64 they are FLOAT64."""
    if has_type(node.this, T.DECIMAL):
        return _cast(node, _NUMERIC)
    return _cast(node, "DOUBLE") if has_type(node.this, *_INTEGERS) else node


def _aggregated(node: exp.Expr) -> exp.Expr:
    """SUM of INT64 and COUNTIF are INT64, AVG of NUMERIC is NUMERIC; OVER and FILTER belong to the function."""
    if isinstance(node.parent, _MODIFIERS) and node.arg_key == "this":
        return node
    function = node
    while isinstance(function, _MODIFIERS):
        function = function.this
    if isinstance(function, exp.CountIf) or (isinstance(function, exp.Sum) and _of_integers(function)):
        return _cast(node, "BIGINT")
    if isinstance(function, exp.Avg) and has_type(function.this, T.DECIMAL):
        total, count = (_instead(node, function, kind(this=function.this.copy())) for kind in (exp.Sum, exp.Count))
        return _call("bq_numeric_div", total, exp.Nullif(this=count, expression=exp.Literal.number(0)))
    return node


def _of_integers(function: exp.Sum) -> bool:
    _known(function.this)
    return has_type(function.this, *_INTEGERS)


def _instead(node: exp.Expr, function: exp.Expr, other: exp.Expr) -> exp.Expr:
    """The node with `other` as its function."""
    if node is function:
        return other
    copy = node.copy()
    inner = copy
    while isinstance(inner, _MODIFIERS):
        inner = inner.this
    inner.replace(other)
    return copy


def _cast_as(node: exp.Expr) -> exp.Expr:
    source, target = node.this, node.args["to"]
    if target.this == T.DECIMAL and not target.expressions:
        node.set("to", exp.DataType.build(_NUMERIC, dialect="duckdb"))
    if target.this in _INTEGERS and has_type(source, T.DOUBLE, T.FLOAT):
        source.replace(exp.Round(this=source.copy()))  # half away from zero
    if target.this == T.TEXT and has_type(source, T.DECIMAL):
        return _call("bq_numeric_text", source)
    return node


# Time


def _unit(node: exp.Expr) -> str:
    unit = node.args.get("unit")
    return str(unit.name if isinstance(unit, exp.Var) else unit.sql(dialect="bigquery")).upper() if unit else "DAY"


def _truncated(node: exp.Expr) -> exp.Expr:
    """A DATE stays a DATE, an instant an instant."""
    if isinstance(node, exp.DateTrunc) and has_type(node.this, T.DATE):
        return _cast(node, "DATE")
    return node


def _elapsed(node: exp.Expr) -> exp.Expr:
    """Whole units between instants, not borders of units."""
    return _call("date_sub", exp.Literal.string(_unit(node).lower()), node.expression, node.this)


def _days_between(node: exp.Expr) -> exp.Expr:
    if _unit(node) == "WEEK":
        raise invalid_query("This server does not count weeks that begin on Sunday")
    return node


def _moved(node: exp.Expr) -> exp.Expr:
    return _cast(node, "DATE") if has_type(node, T.DATE) else node


def _extracted(node: exp.Expr) -> exp.Expr:
    part = node.name.upper()
    if has_type(node.expression, T.TIMESTAMPTZ):
        node.set("expression", exp.AtTimeZone(this=node.expression.copy(), zone=exp.Literal.string("UTC")))
    if part == "DAYOFWEEK":
        node.set("this", exp.var("DOW"))
        return exp.paren(exp.Add(this=node.copy(), expression=exp.Literal.number(1)))
    if part == "DATE":
        return _cast(node.expression, "DATE")
    if part == "WEEK":
        raise invalid_query("This server does not number weeks that begin on Sunday")
    if part == "ISOWEEK":
        node.set("this", exp.var("WEEK"))
    return node


def _instant(node: exp.Expr) -> exp.Expr:
    return _cast(node, "TIMESTAMPTZ")


def _whole_seconds(node: exp.Expr) -> exp.Expr:
    return _cast(exp.Floor(this=_call("epoch", node.this)), "BIGINT")


# Arrays


def _numbered(node: exp.Expr) -> exp.Expr:
    """WITH OFFSET counts from 0, DuckDB's WITH ORDINALITY from 1."""
    offset, query = node.args.get("offset"), node.find_ancestor(exp.Select)
    if isinstance(offset, exp.Identifier) and query is not None:
        for column in [one for one in query.find_all(exp.Column) if one.table == node.alias]:
            if column.name.lower() == offset.name.lower():
                column.replace(exp.paren(exp.Sub(this=column.copy(), expression=exp.Literal.number(1))))
    return node


# Text


def _like(node: exp.Expr) -> exp.Expr:
    """A backslash escapes in GoogleSQL's patterns."""
    if isinstance(node.parent, exp.Escape):
        return node
    return exp.Escape(this=node.copy(), expression=exp.Literal.string("\\"))


_RULES: tuple[tuple[Any, Callable[[Any], exp.Expr]], ...] = (
    (exp.Literal, _literal),
    ((exp.Div, exp.SafeDivide), _divided),
    (exp.Mul, _multiplied),
    (exp.IntDiv, _whole),
    ((exp.Round, exp.Trunc), _rounded),
    ((*_AGGREGATES, *_MODIFIERS), _aggregated),
    ((exp.Cast, exp.TryCast), _cast_as),
    ((exp.DateTrunc, exp.TimestampTrunc), _truncated),
    ((exp.TimestampDiff, exp.DatetimeDiff), _elapsed),
    (exp.DateDiff, _days_between),
    ((exp.DateAdd, exp.DateSub, exp.LastDay), _moved),
    (exp.Extract, _extracted),
    ((exp.UnixToTime, exp.StrToTime), _instant),
    (exp.UnixSeconds, _whole_seconds),
    (exp.Like, _like),
    (exp.Unnest, _numbered),
)
