"""Who has no BigQuery does not load Google's clients."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.test_pipeline import Ledger

CODE = """
import json, sys
from accounting.cli import cli
for command in (["query", "SELECT COUNT(*) AS n FROM charges"], ["status"], ["imports"]):
    cli(["--config", sys.argv[1], *command], standalone_mode=False)
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def test_commands_on_a_lake_load_nothing_of_googles(ledger: Ledger) -> None:
    done = subprocess.run([sys.executable, "-c", CODE, str(ledger.folder)], capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout.splitlines()[-1]))

    assert "duckdb" in loaded
    assert loaded & {"google", "grpc", "pyarrow", "requests"} == set()
