"""An agent carries nothing of Google's."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def test_an_agent_loads_neither_grpc_nor_google(root: Path) -> None:
    code = (
        "import sys, json, collector.service, collector.cli, collector.cloud.config; "
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)

    assert {"google", "grpc"} & set(json.loads(done.stdout)) == set()


def test_the_loopback_server_is_imported_without_them(root: Path) -> None:
    code = "import sys, accounting.simulate.apis.monitoring; print('grpc' in sys.modules, 'google' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["False", "False"]
