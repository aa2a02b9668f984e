"""The console script `chipledger`; the base install carries only the agent's parts and says how to get the rest."""

from __future__ import annotations

import importlib.util
import sys

SERVER_PARTS = ("polars", "duckdb", "sqlglot", "rich")


def main() -> None:
    """Runs the command line; exit status 2 where the server part is not installed."""
    missing = [name for name in SERVER_PARTS if importlib.util.find_spec(name) is None]
    if missing:
        sys.exit(_without_server(missing))
    from accounting.cli import main as run

    run()


def _without_server(missing: list[str]) -> int:
    sys.stderr.write(
        f"error: {', '.join(missing)} not installed: this is the agent's light install; "
        "install the server part with: pip install 'chipledger[server]'\n"
    )
    return 2
