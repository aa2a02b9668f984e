"""The stub driver, built once for each of its versions."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.nvml.stub import build


@pytest.fixture(scope="session")
def stubs(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    if shutil.which("cc") is None:
        pytest.skip("no C compiler (cc) for the stub of libnvidia-ml.so.1")
    built: dict[int, Path] = {}

    def stub(driver: int) -> Path:
        if driver not in built:
            built[driver] = build(tmp_path_factory.mktemp(f"driver-{driver}"), driver)
        return built[driver]

    return stub
