"""A query of GoogleSQL made ready: parameters, views and columns are put in their places, types are known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import OptimizeError, SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify
from sqlglot.schema import MappingSchema

from tests.fakes.bigquery import access
from tests.fakes.bigquery.catalog import Catalog, Resource
from tests.fakes.bigquery.errors import invalid_query, not_found
from tests.fakes.bigquery.fields import googlesql_type
from tests.fakes.bigquery.parameters import Parameter

DIALECT = "bigquery"
NOBODY = "test@localhost"
ROWS = "bq_rows_"
"""Arrays of structs are temporary tables of that name and the parameter's."""


@dataclass
class Setting:
    """What a query's text means depends on: where it runs, as whom, with which parameters."""

    catalog: Catalog
    project: str
    location: str = "US"
    dataset: str | None = None
    user: str | None = None
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    row_count: int | None = None
    view: tuple[str, str, str] | None = None
    """The view whose query this is."""

    def resolve(self, table: exp.Table) -> tuple[str, str, Resource]:
        """Dataset, name and resource of a table in the query; raises `ApiError`."""
        project, dataset = table.catalog or self.project, table.db or self.dataset
        if not dataset:
            raise invalid_query(f'Table "{table.name}" must be qualified with a dataset (e.g. dataset.table).')
        title = f"{project}:{dataset}"
        found = self.catalog.datasets.get(dataset)
        if not found or found.body["datasetReference"]["projectId"] != project or not self._here(found):
            raise not_found("Dataset", f"{title} was not found in location {self.location}")
        resource = self.catalog.tables.get((dataset, table.name))
        if resource is None:
            raise not_found("Table", f"{title}.{table.name} was not found in location {self.location}")
        access.check(self.catalog, self.user, (project, dataset, table.name), self.view)
        return dataset, table.name, resource

    def _here(self, dataset: Resource) -> bool:
        return str(dataset.body["location"]).upper() == self.location.upper()


def parse(sql: str) -> exp.Expr:
    """One statement; raises `ApiError` where it is none."""
    try:
        tree = sqlglot.parse_one(sql, read=DIALECT)
    except SqlglotError as error:
        raise invalid_query(f"Syntax error: {' '.join(str(error).split())}") from error
    return tree


def prepared(tree: exp.Expr, setting: Setting) -> exp.Query:
    """The query over base tables with all columns qualified and typed; raises `ApiError` on unknown names."""
    names = tree.named_selects if isinstance(tree, exp.Query) else []
    tree = expanded(tree, setting)
    schema = _schema(tree, setting)
    try:
        tree = qualify(tree, schema=schema, dialect=DIALECT, quote_identifiers=True)
        typed = annotate_types(tree, schema=schema, dialect=DIALECT)
    except OptimizeError as error:
        raise invalid_query(f"Unrecognized name: {error}") from error
    if not isinstance(typed, exp.Query):
        raise invalid_query("Expected a query")
    _spell(typed, names)
    return typed


def _spell(query: exp.Query, names: list[str]) -> None:
    """Columns of the result keep the letters that the query wrote."""
    chosen = query.selects
    if len(chosen) == len(names) and "*" not in names:
        for column, name in zip(chosen, names, strict=True):
            if isinstance(column, exp.Alias) and name and column.alias.lower() == name.lower():
                column.set("alias", exp.to_identifier(name, quoted=True))


def expanded(tree: exp.Expr, setting: Setting) -> exp.Expr:
    """The tree with values for parameters, queries for views, and tables as DuckDB calls them."""
    tree = _with_values(tree.copy(), setting)
    for table in list(tree.find_all(exp.Table)):
        if isinstance(table.this, exp.Identifier) and not _is_local(table):
            dataset, name, resource = setting.resolve(table)
            alias = table.alias or name
            if resource.is_view:
                where = table.catalog or setting.project, dataset, name
                inside = Setting(setting.catalog, setting.project, setting.location, user=setting.user, view=where)
                query = expanded(parse(resource.body["view"]["query"]), inside)
                _put(table, exp.Subquery(this=query, alias=_alias(alias)))
            elif only := access.rows_filter(resource, setting.user, setting.catalog.groups):
                query = exp.select("*").from_(_physical(dataset, name, name)).where(parse(only))
                _put(table, exp.Subquery(this=_with_values(query, setting), alias=_alias(alias)))
            else:
                _put(table, _physical(dataset, name, alias))
    return tree


def _put(table: exp.Expr, new: exp.Expr) -> None:
    """Puts `new` where the table is, with what belongs to the table there."""
    for key in ("joins", "laterals", "pivots"):
        if table.args.get(key):
            new.set(key, [one.copy() for one in table.args[key]])
    table.replace(new)


def _alias(name: str) -> exp.TableAlias:
    return exp.TableAlias(this=exp.to_identifier(name))


def _physical(dataset: str, name: str, alias: str) -> exp.Table:
    identifiers = {"this": exp.to_identifier(name, quoted=True), "db": exp.to_identifier(dataset, quoted=True)}
    return exp.Table(**identifiers, alias=_alias(alias))


def _is_local(table: exp.Table) -> bool:
    """Whether the name is that of a WITH query around it, or of a parameter's rows."""
    if table.db:
        return table.db == "temp" and table.name.startswith(ROWS)
    name = table.name.lower()
    return any(name == cte.alias.lower() for cte in _visible(table))


def _visible(node: exp.Expr) -> Iterator[exp.CTE]:
    """WITH queries that a table's name may mean: those before the one that the table is in."""
    child: exp.Expr = node
    parent = node.parent
    while parent is not None:
        clause = parent.args.get("with_")
        if isinstance(clause, exp.With) and clause is not child:
            yield from clause.expressions
        if isinstance(parent, exp.With):
            recursive = bool(parent.args.get("recursive"))
            for cte in parent.expressions:
                if cte is child and not recursive:
                    break
                yield cte
        child, parent = parent, parent.parent


def _with_values(tree: exp.Expr, setting: Setting) -> exp.Expr:
    for function in list(tree.find_all(exp.SessionUser)):
        function.replace(exp.Literal.string(setting.user or NOBODY))
    for unnest in list(tree.find_all(exp.Unnest)):
        _rows_in_place(unnest, setting)
    for node in list(tree.find_all(exp.Parameter)):
        if isinstance(node.this, exp.Parameter):
            value: exp.Expr = _variable(node.this.name, setting)
        elif isinstance(node.parent, exp.Parameter):
            continue
        else:
            value = _parameter(node, setting).tree
        if node is tree:
            return value
        node.replace(value)
    return tree


def _variable(name: str, setting: Setting) -> exp.Expr:
    if name.lower() != "row_count":
        raise invalid_query(f"Unrecognized name: @@{name}")
    return exp.Null() if setting.row_count is None else exp.Literal.number(setting.row_count)


def _parameter(node: exp.Expr, setting: Setting) -> Parameter:
    found = setting.parameters.get(node.name)
    if found is None:
        raise invalid_query(f"Query parameter '{node.name}' not found")
    return found


def _rows_in_place(unnest: exp.Unnest, setting: Setting) -> None:
    """UNNEST(@rows) of structs in FROM is the temporary table that has them."""
    source = unnest.expressions[0] if len(unnest.expressions) == 1 else None
    if not isinstance(source, exp.Parameter) or not _parameter(source, setting).is_rows:
        return
    names = unnest.args["alias"].args.get("columns") if unnest.args.get("alias") else None
    alias = names[0].name if names else unnest.alias or source.name
    table = _physical("temp", ROWS + source.name, alias)
    _put(unnest, table)


def _schema(tree: exp.Expr, setting: Setting) -> MappingSchema:
    columns: dict[str, Any] = {}
    for table in tree.find_all(exp.Table):
        if table.db == "temp":
            fields = setting.parameters[table.name.removeprefix(ROWS)].field["fields"]
        elif table.db:
            fields = setting.catalog.tables[table.db, table.name].fields
        else:
            continue
        columns.setdefault(table.db, {})[table.name] = {one["name"]: googlesql_type(one) for one in fields}
    return MappingSchema(columns, dialect=DIALECT)
