"""INSERT, UPDATE, DELETE and MERGE: the expressions are translated as those of a query over the same tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import duckdb
from sqlglot import exp

from tests.fakes.bigquery.catalog import quoted
from tests.fakes.bigquery.errors import invalid_query
from tests.fakes.bigquery.queries import Setting, prepared
from tests.fakes.bigquery.rules import rewrite
from tests.fakes.bigquery.statements import written

WORDS = ("INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE")


@dataclass(frozen=True)
class Change:
    """A statement for DuckDB, the table that it changes, and a query that finds a target row matched twice."""

    table: tuple[str, str]
    sql: str
    appends: bool = False
    ambiguous: str | None = None


def prepare(tree: exp.Expr, setting: Setting) -> Change:
    """Raises `ApiError` for what GoogleSQL refuses."""
    if isinstance(tree, exp.Insert):
        return _insert(tree, setting)
    if isinstance(tree, exp.Update):
        return _update(tree, setting)
    if isinstance(tree, exp.Delete):
        return _delete(tree, setting)
    if isinstance(tree, exp.Merge):
        return _merge(tree, setting)
    if isinstance(tree, exp.TruncateTable):
        where, _ = _target(tree.expressions[0], setting)
        return Change(where, f"DELETE FROM {quoted(*where)}")
    raise invalid_query("This server does not know the statement")


def run(change: Change, cursor: duckdb.DuckDBPyConnection) -> int:
    """Rows changed."""
    if change.ambiguous and cursor.execute(change.ambiguous).fetchall():
        raise invalid_query("UPDATE/MERGE must match at most one source row for each target row")
    return int(cursor.execute(change.sql).fetchall()[0][0])


def _target(table: exp.Table, setting: Setting) -> tuple[tuple[str, str], str]:
    """The table and its alias in the statement."""
    dataset, name, resource = setting.resolve(table)
    if resource.is_view:
        raise invalid_query(f"{setting.project}:{dataset}.{name} is a view: it cannot be changed")
    return (dataset, name), table.alias or name


def _insert(tree: exp.Insert, setting: Setting) -> Change:
    into = tree.this
    table = into.this if isinstance(into, exp.Schema) else into
    where, _ = _target(table, setting)
    fields = setting.catalog.tables[where].fields
    known = {one["name"].lower() for one in fields}
    names = [one.name for one in into.expressions] if isinstance(into, exp.Schema) else [one["name"] for one in fields]
    for name in names:
        if name.lower() not in known:
            raise invalid_query(f"Column {name} is not present in table {'.'.join(where)}")
    query = tree.expression
    if isinstance(query, exp.Values):
        query = _of_values(query)
    columns = ", ".join(quoted(name) for name in names)
    text = written(rewrite(prepared(query, setting)))
    return Change(where, f"INSERT INTO {quoted(*where)} ({columns}) {text}", appends=True)


def _of_values(values: exp.Values) -> exp.Query:
    rows = [exp.select(*[one.copy() for one in row.expressions]) for row in values.expressions]
    query: exp.Query = rows[0]
    for row in rows[1:]:
        query = exp.union(query, row, distinct=False)
    return query


class _Typed:
    """Expressions of a statement, translated together as the columns of one query over its tables."""

    def __init__(self, sources: list[exp.Expr], expressions: list[exp.Expr], setting: Setting) -> None:
        query = exp.select(*[exp.alias_(one.copy(), f"bq_{n}") for n, one in enumerate(expressions)])
        for n, source in enumerate(sources):
            query = query.from_(source.copy()) if n == 0 else query.join(source.copy(), join_type="cross")
        tree = rewrite(prepared(query, setting))
        self.expressions = [written(one.unalias()) for one in tree.selects]
        joins = tree.args.get("joins") or []
        self.sources = [written(tree.args["from_"].this), *(written(one.this) for one in joins)]


def _aliased(table: exp.Expr, alias: str) -> exp.Expr:
    copy = table.copy()
    copy.set("alias", exp.TableAlias(this=exp.to_identifier(alias)))
    return copy


def _assignments(expressions: list[exp.Expr]) -> tuple[list[str], list[exp.Expr]]:
    return [one.this.name for one in expressions], [one.expression for one in expressions]


def _condition(tree: exp.Expr, word: str) -> exp.Expr:
    clause = tree.args.get("where")
    if clause is None:
        raise invalid_query(f"{word} must have a WHERE clause")
    found: exp.Expr = clause.this
    return found


def _update(tree: exp.Update, setting: Setting) -> Change:
    where, alias = _target(tree.this, setting)
    names, values = _assignments(tree.expressions)
    clause = tree.args.get("from_")
    sources = [_aliased(tree.this, alias), *([clause.this] if clause else [])]
    if clause and (clause.this.args.get("joins") or tree.args.get("joins")):
        raise invalid_query("This server does not know joins in UPDATE … FROM")
    typed = _Typed(sources, [_condition(tree, "UPDATE"), *values], setting)
    condition, *sets = typed.expressions
    assigned = ", ".join(f"{quoted(name)} = {value}" for name, value in zip(names, sets, strict=True))
    others = f" FROM {typed.sources[1]}" if clause else ""
    sql = f"UPDATE {quoted(*where)} AS {quoted(alias)} SET {assigned}{others} WHERE {condition}"
    return Change(where, sql, ambiguous=_twice(alias, typed.sources, condition) if clause else None)


def _twice(alias: str, sources: list[str], condition: str) -> str:
    found = f"SELECT 1 FROM {sources[0]}, {sources[1]} WHERE {condition}"
    return f"{found} GROUP BY {quoted(alias)}.rowid HAVING COUNT(*) > 1 LIMIT 1"


def _delete(tree: exp.Delete, setting: Setting) -> Change:
    where, alias = _target(tree.this, setting)
    typed = _Typed([_aliased(tree.this, alias)], [_condition(tree, "DELETE")], setting)
    return Change(where, f"DELETE FROM {quoted(*where)} AS {quoted(alias)} WHERE {typed.expressions[0]}")


def _merge(tree: exp.Merge, setting: Setting) -> Change:
    where, alias = _target(tree.this, setting)
    whens = tree.args["whens"].expressions
    parts = [part for when in whens for part in _when_parts(when)]
    using = tree.args["using"]
    typed = _Typed([_aliased(tree.this, alias), using], [tree.args["on"], *parts], setting)
    condition, *rest = typed.expressions
    texts = iter(rest)
    actions = " ".join(_action(when, texts) for when in whens)
    sql = f"MERGE INTO {quoted(*where)} AS {quoted(alias)} USING {typed.sources[1]} ON {condition} {actions}"
    changes = any(when.args.get("matched") for when in whens)
    return Change(where, sql, ambiguous=_twice(alias, typed.sources, condition) if changes else None)


def _when_parts(when: exp.When) -> list[exp.Expr]:
    condition, then = when.args.get("condition"), when.args["then"]
    parts = [condition] if condition is not None else []
    if isinstance(then, exp.Update):
        parts += _assignments(then.expressions)[1]
    elif isinstance(then, exp.Insert):
        if not isinstance(then.this, exp.Tuple) or then.expression is None:
            raise invalid_query("This server wants the columns of a MERGE's INSERT listed")
        parts += then.expression.expressions
    return parts


def _action(when: exp.When, texts: Iterator[str]) -> str:
    matched = "MATCHED" if when.args.get("matched") else "NOT MATCHED"
    side = " BY SOURCE" if when.args.get("source") else ""
    condition = f" AND {next(texts)}" if when.args.get("condition") is not None else ""
    then = when.args["then"]
    if isinstance(then, exp.Update):
        names = _assignments(then.expressions)[0]
        action = "UPDATE SET " + ", ".join(f"{quoted(name)} = {next(texts)}" for name in names)
    elif isinstance(then, exp.Insert):
        names = [one.name for one in then.this.expressions]
        values = ", ".join(next(texts) for _ in names)
        action = f"INSERT ({', '.join(quoted(name) for name in names)}) VALUES ({values})"
    else:
        action = "DELETE"
    return f"WHEN {matched}{side}{condition} THEN {action}"
