"""Bytes that a query reads, in the price list's sizes: the columns it names, in the partitions its filters leave."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlglot import exp
from sqlglot.optimizer.pushdown_predicates import pushdown_predicates
from sqlglot.optimizer.pushdown_projections import pushdown_projections
from sqlglot.optimizer.scope import Scope, traverse_scope

from tests.fakes.bigquery.catalog import Resource, quoted
from tests.fakes.bigquery.errors import ApiError, invalid_query
from tests.fakes.bigquery.partitions import touched
from tests.fakes.bigquery.queries import DIALECT, Setting
from tests.fakes.bigquery.rules import rewrite
from tests.fakes.bigquery.statements import written

MB = 1 << 20
MINIMUM = 10 * MB
"""Least that is billed for each table that a query reads."""


@dataclass
class Bill:
    """What a job reads and is billed for."""

    processed: int = 0
    billed: int = 0
    cached: bool = False

    def add(self, sizes: list[int]) -> None:
        self.processed += sum(sizes)
        self.billed += sum(max(MINIMUM, -(-size // MB) * MB) for size in sizes)

    def hold(self, limit: int | None) -> None:
        """Raises `ApiError` where more would be billed than `limit`."""
        if limit is not None and self.billed > limit:
            problem = f"Query exceeded limit for bytes billed: {limit}. {self.billed} or higher required."
            raise ApiError(400, "bytesBilledLimitExceeded", problem)

    def statistics(self) -> dict[str, object]:
        billed = 0 if self.cached else self.billed
        processed = 0 if self.cached else self.processed
        sizes = {"totalBytesProcessed": str(processed), "totalBytesBilled": str(billed)}
        return {**sizes, "cacheHit": self.cached, "totalSlotMs": "1"}


def priced(query: exp.Query, setting: Setting) -> list[int]:
    """The bytes read of each table; raises `ApiError` where one wants a filter on its partitions and gets none."""
    tree = pushdown_projections(pushdown_predicates(query.copy(), dialect=DIALECT))
    sizes = []
    for scope in traverse_scope(tree):
        for alias, table in scope.sources.items():
            if isinstance(table, exp.Table) and table.db and table.db != "temp":
                sizes.append(_size(scope, alias, table, setting))
    return sizes


def _size(scope: Scope, alias: str, table: exp.Table, setting: Setting) -> int:
    resource = setting.catalog.tables[table.db, table.name]
    filters = list(_filters(scope, alias, resource))
    if resource.body.get("requirePartitionFilter") and not filters:
        title = f"{setting.project}.{table.db}.{table.name}"
        column = resource.partition_column
        problem = f"without a filter over column(s) '{column}' that can be used for partition elimination"
        raise invalid_query(f"Cannot query over table '{title}' {problem}")
    used = {column.name.lower() for column in scope.source_columns(alias)}
    fields = [one for one in resource.fields if one["name"].lower() in used]
    where = touched(resource, quoted(table.db, table.name), filters)
    return setting.catalog.size(table.db, table.name, fields, where)


def _filters(scope: Scope, alias: str, resource: Resource) -> Iterator[str]:
    """Conditions of WHERE that compare the partition column with what is known before the query runs."""
    wanted = resource.partition_column
    for clause in (scope.expression.args.get("where"), *_on(scope)):
        if wanted is None or clause is None:
            continue
        for one in clause.this.flatten() if isinstance(clause.this, exp.And) else [clause.this]:
            condition = one.unnest()
            columns = list(condition.find_all(exp.Column))
            mine = all(column.table == alias and column.name.lower() == wanted.lower() for column in columns)
            if columns and mine and not condition.find(exp.Query):
                yield _bare(condition)


def _on(scope: Scope) -> Iterator[exp.Expr]:
    for join in scope.expression.args.get("joins") or []:
        if join.args.get("on") is not None and not join.side:
            yield exp.Where(this=join.args["on"].copy())


def _bare(condition: exp.Expr) -> str:
    """The condition over the table alone."""
    copy = condition.copy()
    for column in copy.find_all(exp.Column):
        column.set("table", None)
    return written(rewrite(exp.select(copy)).selects[0])
