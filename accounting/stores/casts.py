"""Rewrites of casts: what is a number, a truth value or a text of a time in BigQuery, and nothing beyond that."""

from __future__ import annotations

import re

from sqlglot import exp

from accounting.errors import InputError
from accounting.stores.nodes import FLOAT, TEXT, T, call, typed_as

_PLAIN = {
    T.BIGINT: re.compile(r"-?[0-9]+"),
    T.DOUBLE: re.compile(r"-?[0-9]+(\.[0-9]+)?"),
    T.DECIMAL: re.compile(r"-?[0-9]+(\.[0-9]+)?"),
    T.BOOLEAN: re.compile(r"true|false"),
}
_GUARDS = {T.BIGINT: "int_text", T.DOUBLE: "float_text", T.DECIMAL: "float_text", T.BOOLEAN: "bool_text"}


def casting(node: exp.Expr) -> exp.Expr:
    """FLOAT64 to INT64 rounds half away from zero; texts are read and written as BigQuery does."""
    target = node.args["to"].transform(_decimal)
    node.set("to", target)  # the annotated types share nodes with it, so it is replaced as a whole
    if typed_as(node.this, *TEXT) and target.this in _GUARDS:
        return _from_text(node, target.this)
    if target.is_type(T.TEXT):
        return _to_text(node)
    if target.is_type(T.BIGINT) and typed_as(node.this, *FLOAT):
        node.this.replace(exp.Round(this=node.this.copy()))
    return node


def _decimal(node: exp.Expr) -> exp.Expr:
    """NUMERIC without parameters has 9 decimals; DuckDB's DECIMAL would have 3."""
    bare = isinstance(node, exp.DataType) and node.this == T.DECIMAL and not node.expressions
    return exp.DataType.build("DECIMAL(38, 9)", dialect="duckdb") if bare else node


def _from_text(node: exp.Expr, target: exp.DType) -> exp.Expr:
    text = node.this
    if isinstance(text, exp.Literal) and _PLAIN[target].fullmatch(text.name):
        return node
    guarded = call(_GUARDS[target], text, exp.convert(isinstance(node, exp.TryCast)))
    text.replace(guarded)
    return call("finite", node) if target == T.DOUBLE else node


def _to_text(node: exp.Expr) -> exp.Expr:
    if typed_as(node.this, T.DECIMAL):
        return call("numeric_text", node.this)
    if typed_as(node.this, T.TIMESTAMPTZ):
        return exp.paren(exp.DPipe(this=call("time_text", node.this), expression=exp.Literal.string("+00")))
    if typed_as(node.this, T.TIMESTAMP, T.DATETIME) or isinstance(node.this, (exp.Datetime, exp.TsOrDsToDatetime)):
        return call("time_text", node.this)
    if typed_as(node.this, *FLOAT):
        raise InputError("CAST(FLOAT64 AS STRING) differs between stores: write CAST(CAST(x AS NUMERIC) AS STRING)")
    return node
