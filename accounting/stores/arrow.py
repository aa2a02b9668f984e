"""Frames between Polars and DuckDB without pyarrow.

This module must not import duckdb: Polars keeps the class `Stream` and thereby these globals until exit, and DuckDB
then complains on stderr that its own types have leaked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import polars as pl


class ArrowStream(Protocol):
    """What both libraries speak: the Arrow PyCapsule interface."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...


@dataclass(frozen=True, slots=True)
class Stream:
    """The stream of `source` and nothing else of it: DuckDB registers it, Polars reads it."""

    source: ArrowStream

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.source.__arrow_c_stream__(requested_schema)


def frame(source: ArrowStream) -> pl.DataFrame:
    """The rows of `source`, such as a DuckDB relation, without copying where that is possible."""
    return pl.DataFrame(Stream(source))
