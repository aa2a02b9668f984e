"""Where tables and views are: three datasets, of which people need the first only.

`D` has the views of sql/views and the table `switch`, which tells their readers that there is news; `D_store` has the
other tables, `D_input` a view for each kind of imported rows that count.
"""

from __future__ import annotations

from sqlglot import exp
from sqlglot.optimizer.scope import traverse_scope

from accounting.config import BigQueryTable
from accounting.stores.bigquery.catalog import SWITCH
from accounting.tables import QUARANTINE

SUFFIXES = {"": "", "store": "_store", "input": "_input"}
"""Of the dataset's name, by the schema that a query names."""


def dataset(settings: BigQueryTable, schema: str = "") -> str:
    """The dataset of a schema, with its project."""
    return f"{settings.project}.{settings.dataset}{SUFFIXES[schema]}"


def stored(settings: BigQueryTable, name: str) -> str:
    """A table as it is loaded, with its project and dataset."""
    return f"{dataset(settings, '' if name == SWITCH.name else 'store')}.{name}"


def table(settings: BigQueryTable, schema: str, name: str) -> str:
    """What a query means by a name, with its project and dataset.

    `store.quarantine` has rows of imports that count: in the warehouse that is a view beside those of the inputs.
    """
    if (schema, name) == ("store", QUARANTINE.name):
        schema = "input"
    return f"{dataset(settings, schema)}.{name}"


def locate(tree: exp.Expr, settings: BigQueryTable) -> None:
    """Puts the whole place in for each table that a query names: `usage`, `store.usage`, `input.jobs`."""
    for scope in traverse_scope(tree):
        for source in scope.sources.values():
            if isinstance(source, exp.Table) and not source.catalog:  # a correlated subquery sees it once more
                parts = table(settings, source.db, source.name).split(".")
                for key, part in zip(("catalog", "db", "this"), parts, strict=True):
                    source.set(key, exp.to_identifier(part, quoted=True))
