"""Runs the peer's script in the current folder: `python -m benchmarks.peer`."""

from __future__ import annotations

from pathlib import Path

import duckdb


def main() -> None:
    """DuckDB with its own defaults, one statement after the other."""
    connection = duckdb.connect(config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"})
    connection.execute("SET TimeZone = 'UTC'")
    for statement in Path(__file__).with_name("peer_duckdb.sql").read_text().split(";\n"):
        if statement.strip():
            connection.execute(statement)


if __name__ == "__main__":
    main()
