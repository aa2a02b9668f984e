"""Names in a qualified query that nothing there has, told before anything is said about their types."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches

from sqlglot import exp
from sqlglot.optimizer.scope import Scope, traverse_scope

from accounting.errors import InputError

Columns = Mapping[str, Mapping[str, Mapping[str, str]]]
"""Schema -> table -> column -> GoogleSQL type."""
VIEWS = "main"
"""The schema of names without one."""


def check(tree: exp.Expr, schema: Columns) -> None:
    """Raises `InputError` with near matches on the first table, alias or column that does not exist.

    What cannot be told here (fields of an array's elements, the columns of PIVOT) is left to the engine.
    """
    known = {db: {name.lower(): list(columns) for name, columns in tables.items()} for db, tables in schema.items()}
    scopes = traverse_scope(tree)
    for line in (line for about in (_tables, _columns) for scope in scopes for line in about(scope, known)):
        raise InputError(f"query: {line}")


_Known = Mapping[str, Mapping[str, Sequence[str]]]


def _tables(scope: Scope, known: _Known) -> Iterator[str]:
    for source in scope.sources.values():
        if isinstance(source, exp.Table) and isinstance(source.this, exp.Identifier) and not source.catalog:
            tables = known.get(source.db, {})
            if source.name.lower() not in tables:
                prefix = "" if source.db == VIEWS else f"{source.db}."
                names = [prefix + name for name in tables] or list(known[VIEWS])
                yield f"there is no table `{prefix}{source.name}`{_hint(prefix + source.name, sorted(names))}"


def _columns(scope: Scope, known: _Known) -> Iterator[str]:
    if not isinstance(scope.expression, exp.Select) or scope.pivots:
        return
    for column in scope.columns:
        if source := scope.sources.get(column.table):
            names = _names(source, known)
            if names is not None and column.name.lower() not in names:
                yield _missing(column.name, {_title(column.table, source): names})
        elif column.table and column.table not in _around(scope):
            yield f"there is no table or alias `{column.table}` here{_hint(column.table, sorted(_around(scope)))}"
    for column in scope.unqualified_columns:
        found = {_title(name, source): _names(source, known) for name, source in _around(scope).items()}
        told = {title: names for title, names in found.items() if names is not None}
        if told and len(told) == len(found):
            yield _missing(column.name, told)


def _title(name: str, source: exp.Expr | Scope) -> str:
    """What the query calls a table; a subquery without an alias has a made-up one."""
    if isinstance(source, exp.Table):
        return source.name
    return "the subquery" if re.fullmatch(r"_\d+|__tmp\d+", name) else name


def _names(source: exp.Expr | Scope, known: _Known) -> list[str] | None:
    """The columns of a table or a subquery in lower case; None where they cannot be told."""
    if isinstance(source, exp.Table):
        found = known.get(source.db, {}).get(source.name.lower())
        return None if found is None else [name.lower() for name in found]
    if not isinstance(source.expression, exp.Query):
        return None
    names = [name.lower() for name in source.expression.named_selects]
    return None if "*" in names else names


def _around(scope: Scope) -> dict[str, exp.Expr | Scope]:
    """The tables that a column may come from: the query's own, and those of the queries around it."""
    found: dict[str, exp.Expr | Scope] = dict(scope.sources)
    while scope.is_subquery and scope.parent is not None:
        scope = scope.parent
        found = {**scope.sources, **found}
    return found


def _missing(column: str, sources: Mapping[str, Sequence[str]]) -> str:
    several = [title for title, names in sources.items() if column.lower() in names]
    if several:
        return f"column `{column}` is ambiguous, {' and '.join(several)} have one: write {several[0]}.{column}"
    names = sorted({name for columns in sources.values() for name in columns})
    if len(sources) == 1:
        return f"{next(iter(sources))} has no column `{column}`{_hint(column, names)}"
    return f"none of {', '.join(sources)} has a column `{column}`{_hint(column, names)}"


def _hint(said: str, names: Sequence[str]) -> str:
    near = get_close_matches(said.lower(), names, n=3)
    if near:
        return f": did you mean {' or '.join(near)}?"
    return f": there is {', '.join(names)}" if names else ""
