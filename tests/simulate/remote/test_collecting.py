"""The genuine collector reads what simulated servers tell, as a process of its own."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from accounting.errors import InputError
from accounting.simulate.company import DAY
from accounting.simulate.demand import Window
from accounting.simulate.remote.collecting import CONFIG, CONFIG_LATE, SPOOL, Place, collect, collect_late
from accounting.simulate.remote.story import Story, story
from tests.simulate.remote.test_story import MIDNIGHT


def told(*, google: bool) -> Story:
    return story(Window(7, MIDNIGHT - 3 * DAY, MIDNIGHT), google=google)


def test_without_googles_client_the_prometheus_is_read_alone(tmp_path: Path) -> None:
    place = Place(tmp_path, tmp_path / "inbox")
    collect(told(google=False), None, place)
    collect_late(told(google=False), place)

    config = tomllib.loads((tmp_path / CONFIG).read_text("utf-8"))
    assert set(config) == {"metrics", "spool", "inbox", "prometheus"}
    (agent,) = {path.parent.name for path in place.inbox.rglob("*.seg")}
    assert agent.startswith("prometheus-")
    assert not (tmp_path / CONFIG_LATE).exists()


def test_what_was_collected_to_its_end_is_not_collected_again(tmp_path: Path) -> None:
    place = Place(tmp_path, tmp_path / "inbox")
    several = []
    for _ in range(2):
        collect(told(google=True), None, place)
        collect_late(told(google=True), place)
        several.append(sorted(place.inbox.rglob("*.seg")))

    assert len(several[0]) > 20
    assert several[1] == several[0]


def test_an_error_of_the_collector_is_one_line(tmp_path: Path) -> None:
    (tmp_path / SPOOL).write_text("a file where a folder is to be")

    with pytest.raises(
        InputError, match=rf"^{tmp_path}/collector.toml.new: the collector ended with status 1: .*spool"
    ):
        collect(told(google=False), None, Place(tmp_path, tmp_path / "inbox"))
