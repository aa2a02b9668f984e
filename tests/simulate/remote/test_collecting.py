"""The genuine collector reads what simulated servers tell, as a process of its own."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from accounting.errors import InputError
from accounting.inputs.segments import Told, decode
from accounting.simulate.company import DAY, HOUR, PPM
from accounting.simulate.demand import Window
from accounting.simulate.remote.collecting import CONFIG, CONFIG_LATE, SPOOL, Place, collect, collect_late
from accounting.simulate.remote.story import Story, story
from accounting.simulate.remote.truth import truth
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
    _queues_are_told(told(google=False), [decode(path.read_bytes()) for path in place.inbox.rglob("*.seg")])


def _queues_are_told(story: Story, segments: list[Told]) -> None:
    """Rows that begin at one instant are one that grew."""
    rows: dict[tuple[str, int, int, int], int] = {}
    for one in segments:
        columns = (one.column("quotas", name).tolist() for name in ("queue", "start_ms", "nominal_ppm", "used_ppm"))
        for (queue, *of), until in zip(zip(*columns, strict=True), one.column("quotas", "until_ms"), strict=True):
            key = (one.names.texts[queue], *of)
            rows[key] = max(rows.get(key, 0), int(until))
    for true in truth(story, story.first).quotas.iter_rows(named=True):
        mine = [(until - key[1], key[2], key[3]) for key, until in rows.items() if key[0] == true["queue"]]
        sums = {
            "quota": sum(ms * nominal for ms, nominal, _ in mine),
            "used": sum(ms * used for ms, _, used in mine),
            "borrowed": sum(ms * max(0, used - nominal) for ms, nominal, used in mine),
        }
        for name, spent in sums.items():
            assert spent / PPM / HOUR == pytest.approx(true[name], abs=true["allowed"])
    assert len(rows) < 30


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
