"""Debian's Prometheus on a free port: it scrapes what is written into its targets, and has what is back-filled."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from accounting.simulate.apis.prometheus import Stored, number

_CONFIG = """
global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
  - job_name: dcgm
    file_sd_configs: [{files: ["%s"], refresh_interval: 1s}]
"""
_START_S = 30


class Prometheus:
    """A server with its data in `folder`; `points` are there from the start."""

    def __init__(self, folder: Path, points: Iterable[Stored]) -> None:
        binary, tool = shutil.which("prometheus"), shutil.which("promtool")
        if binary is None or tool is None:
            pytest.skip("no Prometheus is installed (apt-get install prometheus)")
        data = folder / "data"
        _fill(tool, folder / "points.txt", data, points)
        self._targets = folder / "targets.json"
        self.targets()
        (folder / "config.yml").write_text(_CONFIG % self._targets, "utf-8")
        port = _free()
        self.url = f"http://127.0.0.1:{port}"
        self._log = (folder / "log").open("wb")
        self._process = subprocess.Popen(
            [
                binary,
                f"--config.file={folder / 'config.yml'}",
                f"--storage.tsdb.path={data}",
                "--storage.tsdb.retention.time=50y",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=self._log,
            stderr=self._log,
        )
        self._wait(folder / "log")

    def targets(self, *addresses: str) -> None:
        """Scrape these once a second, and nobody else."""
        labels = {"pod": "dcgm-x7k", "namespace": "gpu-operator", "container": "exporter"}
        groups = [{"targets": [address], "labels": labels} for address in addresses]
        new = self._targets.with_name("targets.new")
        new.write_text(json.dumps(groups), "utf-8")
        new.replace(self._targets)

    def close(self) -> None:
        """The server ends."""
        self._process.terminate()
        self._process.wait(30)
        self._log.close()

    def _wait(self, log: Path) -> None:
        until = time.monotonic() + _START_S
        while time.monotonic() < until and self._process.poll() is None:
            try:
                with urlopen(f"{self.url}/-/ready", timeout=1) as answer:
                    if answer.status == 200:
                        return
            except (URLError, OSError):
                time.sleep(0.1)
        self.close()
        raise AssertionError(log.read_text("utf-8"))


def openmetrics(points: Iterable[Stored]) -> str:
    """Points as `promtool` takes them."""
    lines = []
    for one in points:
        labels = ",".join(f"{name}={json.dumps(value)}" for name, value in one.labels.items() if name != "__name__")
        head = f"{one.labels['__name__']}{{{labels}}}"
        lines += [f"{head} {number(value)} {at / 1000:.3f}" for at, value in one.points]
    return "\n".join([*lines, "# EOF", ""])


def _fill(tool: str, file: Path, data: Path, points: Iterable[Stored]) -> None:
    file.write_text(openmetrics(points), "utf-8")
    command = [tool, "tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=48h", str(file), str(data)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


def _free() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
