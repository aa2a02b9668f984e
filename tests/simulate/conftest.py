"""One small simulated company, accounted once; nobody changes it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from accounting.inputs.importing import silent
from accounting.simulate.demo import Built, Plan, build_demo
from accounting.simulate.verdict import Verdict, judge
from accounting.simulate.world import World, build

PLAN = Plan(devices=48, days=8, until=date(2026, 11, 23), seed=7, interval=10)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("simulated") / "fleet"


@pytest.fixture(scope="session")
def built(folder: Path) -> Built:
    return build_demo(PLAN, folder, silent)


@pytest.fixture(scope="session")
def verdict(built: Built, folder: Path) -> Verdict:
    return judge(built.project, folder)


@pytest.fixture(scope="session")
def world() -> World:
    return build(PLAN.window, PLAN.devices)
