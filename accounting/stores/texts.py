"""Rewrites of functions of texts: positions before the start, negative lengths, escapes in patterns."""

from __future__ import annotations

from sqlglot import exp

from accounting.errors import InputError
from accounting.stores.nodes import FLOAT, T, call, cast, typed_as, whole
from accounting.stores.subset import DIALECT

_WHITE = "".join(chr(c) for c in range(0x3001) if chr(c).isspace() and not 0x1C <= c <= 0x1F)
"""What BigQuery's TRIM takes away: Unicode's white space, without the separators that Python counts too."""


def like(node: exp.Like) -> exp.Expr:
    r"""A backslash escapes `%` and `_`; DuckDB wants to be told."""
    if isinstance(node.expression, (exp.Any, exp.All)):
        return _like_several(node)
    pattern = node.expression
    if isinstance(pattern, exp.Literal) and "\\" not in pattern.name:
        return node
    return exp.Escape(this=node.copy(), expression=exp.Literal.string("\\"))


def _like_several(node: exp.Like) -> exp.Expr:
    patterns = node.expression.this
    if node.args.get("negate") or not isinstance(patterns, (exp.Tuple, exp.Paren)):
        raise InputError("NOT LIKE ANY, LIKE ANY over an array: write x LIKE 'a%' OR x LIKE 'b%'")
    each = [like(exp.Like(this=node.this.copy(), expression=p.copy())) for p in patterns.flatten()]
    return exp.paren(exp.or_(*each) if isinstance(node.expression, exp.Any) else exp.and_(*each))


def trim(node: exp.Trim) -> exp.Expr:
    """Every white space goes, not only blanks."""
    if node.expression is None:
        node.set("expression", exp.Literal.string(_WHITE))
    return node


def part(node: exp.Substring) -> exp.Expr:
    """A position before the first character is the first."""
    start, length = node.args["start"], node.args.get("length")
    limit = [not_negative(length)] if length else []
    position = whole(start)
    if position is None or position <= 0:
        return call("substr_part" if limit else "substr_from", node.this, start, *limit)
    node.set("length", limit[0] if limit else None)
    return node


def side(node: exp.Expr) -> exp.Expr:
    """LEFT, RIGHT, LPAD, RPAD, REPEAT: a negative length is an error."""
    key = "times" if isinstance(node, exp.Repeat) else "expression"
    length = not_negative(node.args[key])
    node.set(key, cast(length, "INT") if isinstance(node, exp.Pad) else length)
    return node


def not_negative(length: exp.Expr) -> exp.Expr:
    """The length, or an error where it is negative."""
    value = whole(length)
    return call("not_negative", length) if value is None or value < 0 else length.copy()


def joined(node: exp.Expr) -> exp.Expr:
    """CONCAT and || of texts only: the engines write numbers and times differently."""
    for item in node.expressions or (node.this, node.args.get("expression")):
        if item and typed_as(item, T.DECIMAL, T.TIMESTAMPTZ, T.TIMESTAMP, T.DATETIME, *FLOAT):
            text = item.sql(dialect=DIALECT)
            raise InputError(f"CONCAT of {text} differs between stores: write CAST({text} AS STRING)")
    return node
