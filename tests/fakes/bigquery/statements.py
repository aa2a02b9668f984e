"""The SQL that DuckDB runs for a statement of GoogleSQL."""

from __future__ import annotations

from sqlglot import exp

from tests.fakes.bigquery.queries import Setting, prepared
from tests.fakes.bigquery.rules import rewrite


def select(tree: exp.Expr, setting: Setting) -> str:
    """A query in DuckDB's dialect."""
    return written(rewrite(prepared(tree, setting)))


def written(tree: exp.Expr) -> str:
    return tree.sql(dialect="duckdb")
