from __future__ import annotations

from datetime import UTC, datetime

import pytest

from accounting.simulate.apis.monitoring import Fault, Series
from collector.central.findings import Unanswered
from collector.cloud.source import Cloud
from tests.collector.cloud.fleet import DESCRIPTORS, H100, World, at, node, points


def fleet(count: int) -> list[Series]:
    values = dict.fromkeys(range(1, 241), 50.0)
    return [node("duty_cycle", "n", f"GPU-{k}", points(values), H100) for k in range(count)]


def month(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def test_what_reading_costs_is_counted_and_capped_until_the_month_ends() -> None:
    keys = {"budget": 0.05, "price_per_million": 1000, "free_million": 0.00001}
    with World(fleet(30), descriptors=DESCRIPTORS[:1], **keys) as world:
        world.now_ms = month("2026-11-30T22:00")
        world.read(0, 60)
        assert world.cloud.cost().startswith("30 series returned, about $0.02 of $0.05 this month (at $1000 a million")
        world.read(60, 120)
        asked = len(world.monitoring.asked)
        with pytest.raises(
            Unanswered, match=r"projects/p: the budget of \$0\.05 for 2026-11 is used up \(9\d series\)"
        ):
            world.read(120, 180)
        assert len(world.monitoring.asked) == asked

        world.now_ms = month("2026-12-01T00:00")
        world.read(120, 180)
        assert world.cloud.cost().startswith("60 series returned, about $0.05 of $0.05")


def test_what_an_error_or_a_restart_forgets_stays_charged() -> None:
    with World(fleet(30), descriptors=DESCRIPTORS[:1]) as world:
        world.monitoring.faults.append(Fault(partial=True))
        before = world.cloud.memory()
        with pytest.raises(Unanswered):
            world.read(0, 60)
        world.cloud.remember(before)
        world.read(0, 60)
        again = Cloud(world.config, lambda: world.now_ms)
        again.remember(world.cloud.memory())

        assert again.cost() == world.cloud.cost()
        assert again.cost().startswith("60 series returned, about $0.00 of $50.00")


def test_a_budget_of_nothing_is_no_cap() -> None:
    with World(fleet(3), budget=0, free_million=0, price_per_million=1e9) as world:
        world.read(0, 60)
        world.read(60, 120)

        assert "of $" not in world.cloud.cost().partition(" this month")[0]


def test_the_doctor_says_what_there_is_and_how_fresh() -> None:
    with World(fleet(3), metrics=("gke", "dcgm"), descriptors=DESCRIPTORS[:2]) as world:
        world.now_ms = at(250)
        told = [(f.grade, f.about, f.says) for f in world.cloud.examine()]

        assert told == [
            ("ok", "projects/p", "answers, and describes 2 metrics of accelerators"),
            ("warn", "projects/p", "has no metrics of 'dcgm'"),
            ("warn", DESCRIPTORS[0].type, "3 series, the newest point 600 s old"),
            ("ok", DESCRIPTORS[1].type, "no points within an hour"),
        ]


def test_the_doctor_says_what_is_missing() -> None:
    with World(fleet(3)) as world:
        world.monitoring.faults.append(Fault("ListMetricDescriptors", "PERMISSION_DENIED"))
        (found,) = world.cloud.examine()

        assert (found.grade, found.about) == ("fail", "projects/p")
        assert found.remedy == "grant roles/monitoring.viewer on the project p"
