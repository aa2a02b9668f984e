"""Pieces that the rewrites of a typed tree are made of."""

from __future__ import annotations

from sqlglot import exp

T = exp.DType
INTEGER = (T.INT, T.BIGINT, T.SMALLINT, T.TINYINT)
FLOAT = (T.DOUBLE, T.FLOAT)
TEXT = (T.TEXT, T.VARCHAR)


def call(name: str, *arguments: exp.Expr) -> exp.Expr:
    """A call of one of `macros`, or of a function of DuckDB that sqlglot would translate."""
    return exp.Anonymous(this=name, expressions=[a.copy() for a in arguments])


def cast(node: exp.Expr, to: str) -> exp.Expr:
    """The node as a type of DuckDB."""
    return exp.Cast(this=node.copy(), to=exp.DataType.build(to, dialect="duckdb"))


def typed_as(node: exp.Expr | None, *kinds: exp.DType) -> bool:
    """Whether the node's type is known and one of these."""
    return node is not None and node.type is not None and node.type.is_type(*kinds)


def whole(node: exp.Expr | None) -> int | None:
    """The value of an integer literal, with its sign."""
    if isinstance(node, exp.Neg):
        inner = whole(node.this)
        return None if inner is None else -inner
    return int(node.name) if isinstance(node, exp.Literal) and not node.is_string and node.name.isdigit() else None
