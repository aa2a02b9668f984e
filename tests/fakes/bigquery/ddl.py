"""CREATE, DROP and ALTER of schemas, tables and views."""

from __future__ import annotations

import re
from typing import Any

from sqlglot import exp

from tests.fakes.bigquery.errors import ApiError, invalid_query
from tests.fakes.bigquery.fields import Field, fields_of, stated
from tests.fakes.bigquery.queries import DIALECT, Setting, parse, prepared
from tests.fakes.bigquery.rules import rewrite
from tests.fakes.bigquery.statements import written

WORDS = ("CREATE", "DROP", "ALTER")
Json = dict[str, Any]
_ALTER_SCHEMA = re.compile(r"ALTER\s+SCHEMA\s+(?:IF\s+EXISTS\s+)?", re.IGNORECASE)
_OPTIONS = {
    "description": "description",
    "friendly_name": "friendlyName",
    "labels": "labels",
    "location": "location",
    "require_partition_filter": "requirePartitionFilter",
}


def run(sql: str, setting: Setting) -> None:
    """Raises `ApiError` on what exists already, or is not there, or is not known."""
    if _ALTER_SCHEMA.match(sql):
        _alter_schema(sql, setting)
        return
    tree = parse(sql)
    if isinstance(tree, exp.Create):
        _create(tree, setting)
    elif isinstance(tree, exp.Drop):
        _drop(tree, setting)
    elif isinstance(tree, exp.Alter):
        _alter(tree, setting)
    else:
        raise invalid_query(f"This server does not know the statement: {sql[:60]}")


def _name(table: exp.Table, setting: Setting) -> tuple[str, str, str]:
    """Project, dataset, table."""
    dataset = table.db or setting.dataset
    if not dataset:
        raise invalid_query(f'Table "{table.name}" must be qualified with a dataset (e.g. dataset.table).')
    return table.catalog or setting.project, dataset, table.name


def _schema_name(table: exp.Table, setting: Setting) -> tuple[str, str]:
    parts = [part.name for part in table.parts if part.name]
    *project, dataset = ".".join(parts).split(".")
    return (project[0] if project else setting.project), dataset


def _create(tree: exp.Create, setting: Setting) -> None:
    kind = str(tree.args["kind"]).upper()
    try:
        if kind == "SCHEMA":
            project, dataset = _schema_name(tree.this, setting)
            reference = {"projectId": project, "datasetId": dataset}
            setting.catalog.make_dataset(project, {"datasetReference": reference, **_options(tree)})
        elif kind == "TABLE":
            _create_table(tree, setting)
        elif kind == "VIEW":
            _create_view(tree, setting)
        else:
            raise invalid_query(f"This server does not create a {kind}")
    except ApiError as error:
        if error.reason != "duplicate" or not tree.args.get("exists"):
            raise


def _create_table(tree: exp.Create, setting: Setting) -> None:
    listed = isinstance(tree.this, exp.Schema)
    project, dataset, name = _name(tree.this.this if listed else tree.this, setting)
    _replace(tree, setting, (project, dataset, name))
    query = tree.args.get("expression")
    if query is not None:
        raise invalid_query("This server does not know CREATE TABLE AS SELECT: write a destination table")
    fields = [_field(one) for one in tree.this.expressions] if listed else []
    body = {"tableReference": {"tableId": name}, "schema": {"fields": fields}, **_layout(tree), **_options(tree)}
    setting.catalog.make_table(project, dataset, body)


def _replace(tree: exp.Create, setting: Setting, where: tuple[str, str, str]) -> None:
    if tree.args.get("replace") and where[1:] in setting.catalog.tables:
        setting.catalog.drop_table(*where)


def _create_view(tree: exp.Create, setting: Setting) -> None:
    listed = isinstance(tree.this, exp.Schema)
    project, dataset, name = _name(tree.this.this if listed else tree.this, setting)
    query = tree.expression.sql(dialect=DIALECT)
    fields = view_fields(query, setting)
    if listed:
        fields = [_described(*pair) for pair in zip(fields, tree.this.expressions, strict=True)]
    _replace(tree, setting, (project, dataset, name))
    body = {"tableReference": {"tableId": name}, "schema": {"fields": fields}, **_options(tree)}
    setting.catalog.make_table(project, dataset, {**body, "view": {"query": query, "useLegacySql": False}})


def _described(field: Field, column: exp.Expr) -> Field:
    if field["name"] != column.name:
        raise invalid_query("This server wants the columns of a view named as its query names them")
    return {**field, **_option_values(column)}


def view_fields(query: str, setting: Setting) -> list[Field]:
    """The columns of a view's query; raises `ApiError` where it cannot be a view."""
    inside = Setting(setting.catalog, setting.project, setting.location)
    sql = written(rewrite(prepared(parse(query), inside)))
    return fields_of(setting.catalog.cursor().sql(f"SELECT * FROM ({sql}) LIMIT 0").to_arrow_table().schema)


def _field(column: exp.Expr) -> Field:
    if not isinstance(column, exp.ColumnDef):
        raise invalid_query("This server knows columns only in CREATE TABLE")
    required = any(isinstance(one.kind, exp.NotNullColumnConstraint) for one in column.args.get("constraints") or [])
    kind = {**_type(column.args["kind"]), **_option_values(column)}
    return stated({"name": column.name, "mode": "REQUIRED" if required else "NULLABLE", **kind})


def _type(kind: exp.DataType) -> Json:
    if kind.this == exp.DType.ARRAY:
        return {**_type(kind.expressions[0]), "mode": "REPEATED"}
    if kind.this == exp.DType.STRUCT:
        return {"type": "STRUCT", "fields": [_field(part) for part in kind.expressions]}
    return {"type": kind.sql(dialect=DIALECT).split("(")[0]}


def _option_values(node: exp.Expr) -> Json:
    out: Json = {}
    for constraint in node.args.get("constraints") or []:
        if isinstance(constraint.kind, exp.Properties):
            for one in constraint.kind.expressions:
                out |= _option(one)
    return out


def _options(tree: exp.Expr) -> Json:
    out: Json = {}
    properties = tree.args.get("properties")
    for one in properties.expressions if properties else []:
        out |= _option(one)
    return out


def _option(one: exp.Expr) -> Json:
    if isinstance(one, exp.LocationProperty):
        return {"location": one.this.name}
    if type(one) is not exp.Property:  # PARTITION BY and CLUSTER BY are properties too
        return {}
    name = one.this.name.lower()
    if name not in _OPTIONS:
        raise invalid_query(f"Unknown option: {name}")
    return {_OPTIONS[name]: _value(one.args["value"])}


def _value(node: exp.Expr) -> object:
    if isinstance(node, exp.Array):
        return {pair.expressions[0].name: pair.expressions[1].name for pair in node.expressions}
    return node.this if isinstance(node, exp.Boolean) else node.name


def _layout(tree: exp.Expr) -> Json:
    out: Json = {}
    properties = tree.args.get("properties")
    for one in properties.expressions if properties else []:
        if isinstance(one, exp.PartitionedByProperty):
            out |= _partitioning(one.this)
        elif isinstance(one, exp.ClusterProperty):
            out["clustering"] = {"fields": [column.name for column in one.expressions]}
    return out


def _partitioning(node: exp.Expr) -> Json:
    if isinstance(node, exp.RangeBucket):
        series = node.expression
        bounds = {"start": series.args["start"], "end": series.args["end"], "interval": series.args["step"]}
        numbers = {key: bound.sql(dialect=DIALECT) for key, bound in bounds.items()}
        return {"rangePartitioning": {"field": node.this.name, "range": numbers}}
    unit = node.args.get("unit")
    column = node if isinstance(node, exp.Identifier) else node.find(exp.Column)
    if column is None:
        raise invalid_query("PARTITION BY expression must be a column, DATE(column), or a truncation of one")
    return {"timePartitioning": {"type": unit.name.upper() if unit is not None else "DAY", "field": column.name}}


def _drop(tree: exp.Drop, setting: Setting) -> None:
    tables = tree.args.get("tables") or [tree.this]
    for table in tables:
        try:
            if str(tree.args["kind"]).upper() == "SCHEMA":
                setting.catalog.drop_dataset(*_schema_name(table, setting), contents=bool(tree.args.get("cascade")))
            else:
                setting.catalog.drop_table(*_name(table, setting))
        except ApiError as error:
            if error.reason != "notFound" or not tree.args.get("exists"):
                raise


def _alter(tree: exp.Alter, setting: Setting) -> None:
    if str(tree.args["kind"]).upper() not in ("TABLE", "VIEW"):
        raise invalid_query("This server alters schemas, tables and views only")
    project, dataset, name = _name(tree.this, setting)
    for action in tree.args["actions"]:
        table = setting.catalog.table(project, dataset, name)
        if isinstance(action, exp.ColumnDef):
            known = {one["name"].lower() for one in table.fields}
            if action.args.get("exists") and action.name.lower() in known:
                continue
            if action.name.lower() in known:
                raise invalid_query(f"Column already exists: {action.name}")
            change: Json = {"schema": {"fields": [*table.fields, _field(action)]}}
        elif isinstance(action, exp.AlterSet):
            change = {key: value for one in action.expressions for key, value in _set_options(one).items()}
        else:
            raise invalid_query(f"This server does not know ALTER TABLE … {action.sql(dialect=DIALECT)}")
        setting.catalog.patch_table(project, dataset, name, change)


def _alter_schema(sql: str, setting: Setting) -> None:
    tree = parse(_ALTER_SCHEMA.sub("ALTER TABLE ", sql, count=1))  # the parser knows no ALTER SCHEMA
    if not isinstance(tree, exp.Alter) or not all(isinstance(one, exp.AlterSet) for one in tree.args["actions"]):
        raise invalid_query("This server knows SET OPTIONS only in ALTER SCHEMA")
    dataset = setting.catalog.dataset(*_schema_name(tree.this, setting))
    for one in (part for action in tree.args["actions"] for part in action.expressions):
        dataset.patch(_set_options(one))


def _set_options(node: exp.Expr) -> Json:
    out: Json = {}
    for one in node.expressions:
        out |= _option(one)
    return out
