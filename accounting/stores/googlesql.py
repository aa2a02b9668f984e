"""GoogleSQL to DuckDB: sqlglot, and the rewrites without which the numbers would differ silently.

The types of the tables are known, so NUMERIC arithmetic is told from FLOAT64 arithmetic and stays exact.
"""

from __future__ import annotations

from sqlglot import exp
from sqlglot.errors import ErrorLevel, OptimizeError, SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify
from sqlglot.schema import MappingSchema

from accounting.errors import InputError
from accounting.stores import names, rewrites
from accounting.stores.names import VIEWS, Columns
from accounting.stores.subset import DIALECT, objections, one_line, parse

_VALUES_OF_DUCKDB = frozenset(
    {"user", "current_user", "session_user", "current_role", "current_catalog", "current_database", "current_schema"}
)
"""Names that DuckDB answers where a table has no such column."""


def to_duckdb(sql: str, *, schema: Columns) -> str:
    """The query in DuckDB's dialect, for a connection with `macros.MACROS` and the time zone UTC.

    Raises `InputError` with one line where the query is no query, cannot be parsed, or would not give the same answer
    on both stores. Parameters `@p` become `$p`. Columns without a name are called f0_, f1_, … as in BigQuery.
    """
    tree = typed(sql, schema)
    try:
        return rewrites.rewrite(tree).sql(dialect="duckdb", identify=True, unsupported_level=ErrorLevel.RAISE)
    except SqlglotError as error:
        raise InputError(f"query cannot run on the embedded store: {one_line(error)}") from error


def columns(sql: str, schema: Columns) -> dict[str, str]:
    """The names and GoogleSQL types of the query's result columns."""
    return {e.alias_or_name: e.type.sql(dialect=DIALECT) if e.type else "UNKNOWN" for e in typed(sql, schema).selects}


def typed(sql: str, schema: Columns) -> exp.Query:
    """The query with every column qualified and every expression's type noted; raises `InputError`."""
    tree = parse(sql)
    against = objections(tree)
    if against:
        raise InputError(against[0])
    spelled = name_columns(tree)
    rewrites.floats(tree)
    known = MappingSchema({db: dict(tables) for db, tables in schema.items()}, dialect=DIALECT)
    try:
        tree = qualify(
            tree,
            dialect=DIALECT,
            schema=known,
            db=VIEWS,
            validate_qualify_columns=False,
            allow_partial_qualification=True,
            quote_identifiers=False,
            identify=False,
        )
        names.check(tree, schema)
        _told_apart(tree)
        tree = annotate_types(tree, schema=known, dialect=DIALECT)
    except OptimizeError as error:
        said = one_line(error).replace(
            "Cannot automatically join:", "USING names a column that one side does not have:"
        )
        raise InputError(f"query: {said}") from error
    for projection in _first_select(tree).selects:
        if isinstance(projection, exp.Alias) and projection.alias in spelled:
            projection.set("alias", exp.to_identifier(spelled[projection.alias], quoted=True))
    for column in tree.find_all(exp.Column):
        if not column.table and column.name.lower() in _VALUES_OF_DUCKDB:
            raise InputError(f"query: no table here has a column `{column.name}`")
    for alias in list(tree.find_all(exp.Alias)):
        if isinstance(alias.this, exp.Column) and not alias.this.table and alias.this.name == alias.alias:
            alias.replace(alias.this.copy())  # an unknown column: its own alias would hide DuckDB's near matches
    return tree


def _told_apart(tree: exp.Query) -> None:
    """Columns of one name cannot be shown, and which one a name means would be a guess."""
    for select in tree.find_all(exp.Select):
        if isinstance(select.parent, (exp.Exists, exp.In)) or (select.arg_key == "expression"):
            continue
        names = [name.lower() for name in select.named_selects if name and name != "*"]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice:
            raise InputError(f"query: two columns are called `{twice}`: rename one with AS")


def _first_select(tree: exp.Expr) -> exp.Select:
    while not isinstance(tree, exp.Select):
        tree = tree.this
    return tree


def name_columns(tree: exp.Query) -> dict[str, str]:
    """Gives unnamed columns BigQuery's names, in place; says how the named ones were spelled."""
    select = _first_select(tree)
    unnamed = 0
    for projection in list(select.selects):
        if not (projection.is_star or isinstance(projection, (exp.Alias, exp.Column, exp.Dot))):
            # not alias_(): a subquery would keep the name to itself, and ORDER BY 1 not find it
            projection.replace(exp.Alias(this=projection.copy(), alias=exp.to_identifier(f"f{unnamed}_")))
            unnamed += 1
    return {e.alias_or_name.lower(): e.alias_or_name for e in select.selects if not e.is_star}
