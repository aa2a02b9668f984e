"""The collector as a process of its own: the past, the present, signals and kills."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from accounting.simulate.apis.prometheus import Prometheus, Stored
from collector.central import cursor
from collector.clock import now_ms
from collector.wire import read_segment, rows
from tests.fakes.prometheus import day

STEP_MS = 10_000


def now_as_whole_steps() -> int:
    return now_ms() // STEP_MS * STEP_MS


def gauges(until_ms: int, steps: int, devices: int = 2) -> list[Stored]:
    """Utilization of some devices, scraped every ten seconds."""
    found = []
    for number in range(devices):
        labels = {"__name__": "DCGM_FI_DEV_GPU_UTIL", "job": "dcgm", "instance": "n:9400", "Hostname": "n",
                  "UUID": f"GPU-{number}", "modelName": "NVIDIA L4", "gpu": str(number)}  # fmt: skip
        found.append(Stored(labels, [(until_ms - i * STEP_MS, 40.0) for i in range(steps, -1, -1)]))
    return found


@dataclass
class Collector:
    folder: Path
    url: str
    keys: str = ""

    def __post_init__(self) -> None:
        (self.folder / "inbox").mkdir()
        (self.folder / "c.toml").write_text(
            f'[spool]\npath = "{self.folder}/spool"\nseal_minutes = 0.01\n[inbox]\nurl = "{self.folder}/inbox"\n'
            f'[metrics]\nlisten = ""\n[[prometheus]]\nurl = "{self.url}"\ncluster = "c"\n{self.keys}'
        )

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "tests.collector.command", "--config", str(self.folder / "c.toml"), *arguments]

    def once(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        root = Path(__file__).parents[3]
        return subprocess.run(self.command(*arguments), cwd=root, capture_output=True, text=True, check=False)

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[str]]:
        root = Path(__file__).parents[3]
        with subprocess.Popen(self.command("run"), cwd=root, stderr=subprocess.PIPE, text=True) as process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    process.kill()

    def busy(self) -> set[tuple[str, int, int, int]]:
        """Device, start, length and busy ms of what is in the inbox."""
        return set(self.told())

    def told(self) -> list[tuple[str, int, int, int]]:
        found = []
        for path in sorted((self.folder / "inbox").rglob("*.seg")):
            for block in read_segment(path.read_bytes()).blocks:
                names = block.names.devices
                found += [(names[r.device].uuid, r.start_ms, r.length_ms, r.busy_ms) for r in rows(block, "records")]
        return found


def wait(what: Callable[[], bool], seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it took too long"
        time.sleep(0.05)


def last_of(collector: Collector) -> int:
    return max((start + length for _, start, length, _ in collector.busy()), default=0)


@pytest.fixture
def stand_in() -> Iterator[Prometheus]:
    server = Prometheus([])
    yield server
    server.close()


def test_it_reads_up_to_now_ends_when_it_is_told_and_goes_on_where_it_was(tmp_path: Path, stand_in: Prometheus) -> None:
    began = now_as_whole_steps()
    stand_in.stored = gauges(began + 600_000, 200)  # what is to come is not told before it is there
    collector = Collector(tmp_path, stand_in.url, "every = 1\ndelay = 1\nbackfill = 0.4\n")
    with collector.running() as process:
        wait(lambda: last_of(collector) >= began)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert "error" not in (process.stderr.read() if process.stderr else "")
    first = last_of(collector)
    assert first <= now_ms()
    assert {busy * 100 // length for _, _, length, busy in collector.busy()} == {40}

    with collector.running() as process:
        wait(lambda: last_of(collector) > first)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    told = collector.told()
    assert len(told) == len(set(told))
    starts = sorted({start for _, start, _, _ in told})
    # The first point of all stands for two steps, as nobody knows of one before it.
    assert starts[1:] == list(range(starts[0] + 2 * STEP_MS, last_of(collector), STEP_MS))


def test_killed_at_any_moment_nothing_is_lost_and_every_row_is_the_same(tmp_path: Path, stand_in: Prometheus) -> None:
    last = now_as_whole_steps() - 60_000
    stand_in.stored = gauges(last, 6 * 240, devices=2)
    (tmp_path / "quiet").mkdir()
    (tmp_path / "killed").mkdir()
    quiet = Collector(tmp_path / "quiet", stand_in.url, "every = 1\ndelay = 1\nbackfill = 3\nspan = 300\n")
    killed = Collector(tmp_path / "killed", stand_in.url, "every = 1\ndelay = 1\nbackfill = 3\nspan = 300\n")

    def until_done(collector: Collector) -> bool:
        return any(start + length == last for _, start, length, _ in collector.busy())

    with quiet.running() as process:
        wait(lambda: until_done(quiet))
        process.send_signal(signal.SIGTERM)
        process.wait(20)
    random, kills = Random(5), 0
    while not until_done(killed) and kills < 12:
        with killed.running() as process:
            time.sleep(random.uniform(0.4, 1.2))
            os.kill(process.pid, signal.SIGKILL)
            kills += 1
    with killed.running() as process:
        wait(lambda: until_done(killed))
        process.send_signal(signal.SIGTERM)
        process.wait(20)

    common = max(min(s for _, s, _, _ in c.busy()) for c in (quiet, killed)) + STEP_MS
    assert {r for r in killed.busy() if r[1] > common} == {r for r in quiet.busy() if r[1] > common}
    assert kills > 1


def test_a_stretch_of_the_past_comes_whole_and_what_is_wrong_is_one_line(tmp_path: Path) -> None:
    server = Prometheus(day.fleet())
    collector = Collector(tmp_path, server.url, "timeout = 2\n")
    done = collector.once("run", "--from", "2026-03-01", "--to", "2026-03-01T06:00")
    assert done.returncode == 0, done.stderr
    assert "prometheus: " in done.stderr
    assert "rows told" in done.stderr
    assert {one[0] for one in collector.busy()}
    assert not (tmp_path / "spool" / "prometheus" / cursor.FILE).exists()
    server.close()

    away = collector.once("run", "--from", "2026-03-01", "--to", "2026-03-01T06:00")
    assert away.returncode == 1
    assert away.stderr.splitlines()[-1].startswith("error: ")
    assert "Connection refused" in away.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("run", "--to", "2026-03-01"), "--to: say from when on"),
        (("run", "--from", "2026-03-02", "--to", "2026-03-01"), "--to: not after --from"),
    ],
)
def test_a_stretch_that_is_none_is_refused(tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    done = Collector(tmp_path, "http://127.0.0.1:9").once(*arguments)

    assert done.returncode == 2
    assert says in done.stderr


def test_once_shows_and_the_doctor_says_what_is_missing(tmp_path: Path, stand_in: Prometheus) -> None:
    stand_in.stored = gauges(now_as_whole_steps(), 30)
    collector = Collector(tmp_path, stand_in.url, "delay = 1\n")
    shown = collector.once("once")
    assert shown.returncode == 0, shown.stderr
    assert "2 devices" in shown.stdout
    assert "GPU-0  NVIDIA L4  40 %  held by nobody" in shown.stdout

    said = collector.once("doctor")
    assert said.returncode == 0, said.stdout
    assert "kube-state-metrics: no kube_pod_container_resource_requests" in said.stdout
    assert "→ pods' requests" in said.stdout


def test_two_blocks_of_one_name_are_refused(tmp_path: Path) -> None:
    collector = Collector(tmp_path, "http://127.0.0.1:9", '[[prometheus]]\nurl = "http://127.0.0.1:9"\n')
    done = collector.once("run")

    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == (
        "error: two sources have the name prometheus: give one of them another `name`"
    )
