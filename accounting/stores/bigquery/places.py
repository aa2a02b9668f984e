"""Where tables and views are: three datasets, of which people need the first only.

`D` has the views of sql/views, `D_store` the tables, `D_input` a view for each kind of imported rows that count.
"""

from __future__ import annotations

from accounting.config import BigQueryTable

SUFFIXES = {"": "", "store": "_store", "input": "_input"}
"""Of the dataset's name, by the schema that a query names."""


def dataset(settings: BigQueryTable, schema: str = "") -> str:
    """The dataset of a schema, with its project."""
    return f"{settings.project}.{settings.dataset}{SUFFIXES[schema]}"


def table(settings: BigQueryTable, schema: str, name: str) -> str:
    """A table or view, with its project and dataset."""
    return f"{dataset(settings, schema)}.{name}"
