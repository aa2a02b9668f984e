"""Rewrites of arrays: positions start at 0, and one that is not there is an error unless SAFE_ says otherwise."""

from __future__ import annotations

from sqlglot import exp

from accounting.errors import InputError
from accounting.stores.nodes import call, typed_as


def unnest(node: exp.Unnest) -> exp.Expr:
    """WITH OFFSET counts from 0; DuckDB's WITH ORDINALITY counts from 1."""
    offset, alias = node.args.get("offset"), node.args.get("alias")
    if isinstance(alias, exp.TableAlias) and alias.columns:
        node.set("explode_array", None)  # sqlglot would put the fields of a struct in the place of its name
    if not offset:
        return node
    if not (isinstance(alias, exp.TableAlias) and alias.columns and isinstance(offset, exp.Identifier)):
        raise InputError("UNNEST WITH OFFSET without a name for the element: write UNNEST(x) AS name WITH OFFSET")
    value = alias.columns[0]
    if value.name == offset.name:
        raise InputError(f"UNNEST: element and offset are both called `{value.name}`: write WITH OFFSET AS name")
    numbered = node.copy()
    numbered.set("alias", exp.TableAlias(this=exp.to_identifier("numbered"), columns=[value.copy()]))
    position = exp.Sub(this=exp.column(offset.copy()), expression=exp.Literal.number(1))
    chosen = exp.select(exp.column(value.copy()), exp.alias_(position, offset.copy())).from_(numbered)
    return chosen.subquery(alias.this.copy())


def join(node: exp.Join) -> exp.Expr:
    """LEFT JOIN UNNEST(x) needs no ON; sqlglot would make it a cross join."""
    if node.side == "LEFT" and not (node.args.get("on") or node.args.get("using")):
        node.set("on", exp.true())
    return node


def element(node: exp.Bracket) -> exp.Expr:
    """A position that is not there is an error, with SAFE_ NULL; DuckDB counts negative ones from the end."""
    if len(node.expressions) != 1 or not typed_as(node.this, exp.DType.ARRAY):
        return node
    position: exp.Expr = exp.paren(node.expressions[0].copy())
    if not node.args.get("offset"):
        position = exp.Add(this=position, expression=exp.Literal.number(1))
    return call("safe_element" if node.args.get("safe") else "element", node.this, position)
