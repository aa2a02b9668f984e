"""DuckDB as a reader of text files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import duckdb

from accounting.errors import InputError, StoreError

_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "memory_limit": "512MB",
    "preserve_insertion_order": True,
}


@contextmanager
def reading(path: Path, spill: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection of its own, for reading `path`; DuckDB's errors come out as `InputError` or `StoreError`."""
    try:
        with closing(duckdb.connect(":memory:", config={**_SETTINGS, "temp_directory": str(spill)})) as connection:
            connection.execute("SET enable_progress_bar = false")
            yield connection
    except duckdb.OutOfMemoryException as error:
        raise StoreError(f"{path}: out of memory or disk while reading: {_first(error)}") from error
    except (duckdb.IOException, duckdb.InvalidInputException, duckdb.ConversionException) as error:
        raise InputError(
            f"{path}: cannot be read to its end ({_first(error)}): it may be cut; export it again"
        ) from error


def _first(error: Exception) -> str:
    return str(error).splitlines()[0]
