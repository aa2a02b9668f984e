"""Holds our own SQL files to what is proven equal on both stores; `subset` has the constructs and the reasons."""

from __future__ import annotations

from sqlglot import exp

from accounting.errors import InputError
from accounting.stores.subset import objections, parse

_OPENINGS = ("-- Grain: ", "-- fail: ", "-- Question: ")
_FIRST_LINE = "first line: write `-- Grain: …` in a view, `-- fail: …` in a check, `-- Question: …` in a query"


def lint(sql: str) -> list[str]:
    """What is wrong with the text of a file of ours, one line each; empty if nothing is.

    The first line says what a row is (`-- Grain: …`, views), what a row means (`-- fail: …`, checks) or what the rows
    answer (`-- Question: …`, queries).
    """
    first = sql.partition("\n")[0]
    found = [] if first.startswith(_OPENINGS) else [_FIRST_LINE]
    try:
        tree = parse(sql)
    except InputError as error:
        return [*found, str(error)]
    if any(star for select in tree.find_all(exp.Select) for star in select.selects if star.is_star):
        found.append("SELECT *: a new column would change the result: list the columns")
    if any(node.args.get("limit") for node in tree.find_all(exp.Query) if not node.args.get("order")):
        found.append("LIMIT without ORDER BY: which rows come differs between runs: write ORDER BY")
    return found + objections(tree)
