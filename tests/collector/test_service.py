"""The whole agent as a process: signals, a driver that goes away, kills at any moment, an inbox that fails."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from itertools import pairwise
from pathlib import Path

import msgspec
import pynvml
import pytest

from collector.cli.run_ import RESTART
from collector.config import load
from collector.service import MOST_FAILED, Service
from collector.source import Instant, Tick
from collector.stop import Stop
from collector.wire import NOTES, UNKNOWN, Unreadable, read_segment
from tests.collector.running import Running, scraped, stop, until
from tests.fakes.nvml.profiles import H100
from tests.fakes.nvml.stub import Sim

FAST = {"sample.period": "0.1", "sample.window": "1", "sample.processes": "0.5"}


@pytest.fixture
def sim(tmp_path: Path) -> Sim:
    return Sim(tmp_path / "driver.state", driver="590.48.01")


@pytest.fixture
def running(stubs: Callable[[int], Path], tmp_path: Path) -> Running:
    found = Running(tmp_path, stubs(590), dict(FAST))
    found.inbox.mkdir()
    return found


@pytest.fixture
def job() -> Iterator[int]:
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process.pid
        process.kill()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def footprint(pid: int) -> tuple[float, str]:
    """Resident memory in MB, and what is mapped into the process."""
    status = Path(f"/proc/{pid}/status").read_text().partition("VmRSS:")[2]
    return int(status.split()[0]) * 1024 / 1e6, Path(f"/proc/{pid}/maps").read_text()


def test_an_agent_tells_all_it_knows_when_it_is_stopped(running: Running, sim: Sim, job: int, root: Path) -> None:
    gpu = sim.add(H100)
    gpu.gpu_util, gpu.used = 40, 5 << 30
    sim.process(gpu, job)
    port = free_port()
    running.settings["metrics.listen"] = f"127.0.0.1:{port}"
    with running.run(root) as agent:
        until(lambda: _answers(port))
        until(lambda: scraped(port)["chipledger_agent_ticks_total"] >= 30)
        metrics = scraped(port)
        resident, libraries = footprint(agent.pid)
        said = stop(agent)

    assert agent.returncode == 0, said
    assert resident < 45
    assert not [lib for lib in ("polars", "numpy", "duckdb", "pyarrow", "grpc", "sqlite3") if lib in libraries]
    label = '{hw_id="GPU-00000000-0000-0000-0000-000000000000",hw_name="NVIDIA H100 80GB HBM3",hw_type="gpu"}'
    assert metrics[f"hw_gpu_memory_usage_bytes{label}"] == 5 << 30
    assert metrics["chipledger_agent_batches_total"] >= 2
    batches = [batch for _, batch in running.told()]
    streams = {header.stream for header, _ in running.told()}
    records = sorted((r for b in batches for r in b.records if r.workload == UNKNOWN), key=lambda r: r.start_ms)
    # On a busy machine a period of 0.1 s may be missed: then there is a gap, and never an overlap.
    assert all(a.start_ms + a.length_ms <= b.start_ms for a, b in pairwise(records))
    assert sum(r.length_ms for r in records) > 2000
    holders = {w.id for b in batches for w in b.names.workloads}
    assert len(holders) == 1
    assert not list(running.spool.glob("*.seg"))
    told_ms = max(h.until_ms for b in batches for h in b.holdings)
    assert int((running.spool / "told").read_text()) == told_ms

    with running.run(root) as agent:
        until(lambda: _answers(port))
        until(lambda: scraped(port)["chipledger_agent_ticks_total"] >= 10)
        stop(agent)
    again = [h for header, batch in running.told() if header.stream not in streams for h in batch.holdings]
    assert min(h.start_ms for h in again) == told_ms, "what the first one told is not told again, and no time is lost"


def test_a_storm_of_signals_stops_an_agent_as_one_does(running: Running, sim: Sim, root: Path) -> None:
    sim.add(H100)
    with running.run(root) as agent:
        until(lambda: sim.state.inits == 1)
        time.sleep(1.5)
        for _ in range(200):
            agent.send_signal(signal.SIGTERM)
        assert agent.wait(20) == 0
    assert running.told()


def test_what_stays_in_the_spool_at_the_end_is_said(running: Running, sim: Sim, root: Path) -> None:
    sim.add(H100)
    running.inbox.rmdir()
    with running.run(root) as agent:
        until(lambda: sim.state.inits == 1)
        time.sleep(1.5)
        said = stop(agent)
    assert agent.returncode == 0
    assert "segments stay in the spool until the next start: " in said


def _answers(port: int) -> bool:
    try:
        scraped(port)
    except OSError:
        return False
    return True


def calls(sim: Sim, seconds: float) -> int:
    """How often the driver is called in this time."""
    before = sim.state.calls
    time.sleep(seconds)
    return sim.state.calls - before


def test_the_driver_is_let_go_and_taken_again(running: Running, sim: Sim, root: Path) -> None:
    sim.add(H100)
    with running.run(root) as agent:
        until(lambda: sim.state.inits == 1)
        time.sleep(1)
        agent.send_signal(signal.SIGUSR1)
        until(lambda: not calls(sim, 0.5))
        assert calls(sim, 1) == 0, "nothing keeps the driver from being unloaded"
        agent.send_signal(signal.SIGUSR2)
        until(lambda: sim.state.inits == 2)
        time.sleep(1)
        stop(agent)
    batches = [batch for _, batch in running.told()]
    records = sorted((r for b in batches for r in b.records), key=lambda r: r.start_ms)
    assert any(a.start_ms + a.length_ms < b.start_ms for a, b in pairwise(records)), "the time without it is a gap"


def test_a_driver_of_another_version_asks_for_a_new_process(running: Running, sim: Sim, root: Path) -> None:
    sim.add(H100)
    with running.run(root) as agent:
        until(lambda: sim.state.inits == 1)
        sim.fail(pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH, "nvmlDeviceGetPowerUsage")
        assert agent.wait(20) == RESTART


def test_a_new_process_does_not_die_again_and_again_of_it(running: Running, sim: Sim, root: Path) -> None:
    sim.add(H100)
    sim.state.init_code = pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH
    with running.run(root) as agent:
        time.sleep(1.5)
        assert agent.poll() is None
        assert "error 18" in stop(agent)


def test_an_agent_without_a_driver_stays_up_and_finds_it_later(running: Running, sim: Sim, root: Path) -> None:
    sim.add(H100)
    sim.state.init_code = pynvml.NVML_ERROR_DRIVER_NOT_LOADED
    with running.run(root) as agent:
        time.sleep(1)
        assert agent.poll() is None
        sim.state.init_code = 0
        until(lambda: sim.state.inits == 1)
        time.sleep(1.5)
        said = stop(agent)
    assert agent.returncode == 0
    assert "warning:" in said
    assert running.told()


def test_a_hung_driver_costs_readings_and_nothing_else(running: Running, sim: Sim, root: Path) -> None:
    sim.add(H100)
    with running.run(root) as agent:
        until(lambda: sim.state.inits == 1)
        time.sleep(1)
        sim.fail(function="nvmlDeviceGetPowerUsage", delay_s=2)
        time.sleep(2)
        sim.heal()
        time.sleep(1.5)
        stop(agent)
    assert agent.returncode == 0
    batches = [batch for _, batch in running.told()]
    assert [NOTES[n.kind] for b in batches for n in b.notes].count("stalled") == 1
    records = sorted((r for b in batches for r in b.records), key=lambda r: r.start_ms)
    gaps = [b.start_ms - a.start_ms - a.length_ms for a, b in pairwise(records)]
    assert max(gaps) > 1000


def test_two_agents_do_not_share_a_spool(running: Running, sim: Sim, root: Path) -> None:
    sim.add(H100)
    with running.run(root) as agent:
        until(lambda: sim.state.inits == 1)
        second = running.once(root, "run")
        assert second.returncode == 1
        assert second.stderr.startswith("error: ")
        assert len(second.stderr.splitlines()) == 1
        stop(agent)


def test_once_and_doctor_show_what_an_agent_sees(running: Running, sim: Sim, job: int, root: Path) -> None:
    gpu = sim.add(H100)
    gpu.gpu_util = 40
    sim.process(gpu, job)
    table = running.once(root, "once", "--seconds", "0.2")
    assert table.returncode == 0, table.stderr
    assert "NVIDIA H100 80GB HBM3" in table.stdout
    assert "40 %" in table.stdout
    assert "processes:" in table.stdout
    found = running.once(root, "doctor")
    assert found.returncode == 0, found.stdout
    assert "ok   driver: 590.48.01" in found.stdout
    assert "takes objects" in found.stdout
    running.settings["inbox.url"] = str(running.folder / "none")
    broken = running.once(root, "doctor")
    assert broken.returncode == 1
    assert "fail inbox" in broken.stdout
    assert "→ " in broken.stdout
    sim.state.init_code = pynvml.NVML_ERROR_DRIVER_NOT_LOADED
    none = running.once(root, "once")
    assert none.returncode == 1
    assert none.stderr.startswith("error: ")


def chaos(running: Running, root: Path, kills: int) -> None:
    """Kills at random moments, and an inbox that is gone now and then; at last one quiet run."""
    draw = random.Random(os.getpid())
    running.settings["spool.seal_minutes"] = "0.01"
    away = running.folder / "away"
    durable: Counter[str] = Counter()
    for number in range(kills):
        with running.run(root) as agent:
            time.sleep(draw.uniform(0.4, 2.4))
            if number % 3 == 0 and running.inbox.exists():
                running.inbox.rename(away)
            elif away.exists():
                away.rename(running.inbox)
            for stream, last in written(running):
                durable[stream] = max(durable[stream], last)
            agent.kill()
    if away.exists():
        away.rename(running.inbox)
    with running.run(root) as agent:
        time.sleep(2)
        stop(agent)

    stored: Counter[tuple[str, int]] = Counter()
    for segment in running.segments():
        assert segment.sealed
        stored.update(
            (segment.header.stream, n) for block in segment.blocks for n in range(block.first, block.last + 1)
        )
    assert max(stored.values()) == 1, "every batch once"
    assert sum(durable.values()) > kills / 2
    for stream, last in durable.items():
        missing = [n for n in range(1, last + 1) if (stream, n) not in stored]
        assert not missing, f"{stream}: {missing} were on disk"
    assert not list(running.spool.glob("*.seg"))
    assert not list(running.spool.glob("*.bad"))


def written(running: Running) -> Iterator[tuple[str, int]]:
    """What lies in the spool before a kill: streams and their last batches that verify."""
    for path in running.spool.glob("*-*-*"):
        yield path.name.split("-")[1], int(path.name.split("-")[3])
    for path in running.spool.glob("*.log"):
        # sealed, or only just begun, at this very moment
        with suppress(FileNotFoundError, Unreadable):
            found = read_segment(path.read_bytes())
            if found.blocks:
                yield found.header.stream, found.blocks[-1].last


def test_kills_lose_nothing_that_was_written(running: Running, sim: Sim, root: Path) -> None:
    sim.add(H100)
    chaos(running, root, 12)


@pytest.mark.soak
def test_two_hundred_kills_lose_nothing_that_was_written(running: Running, sim: Sim, root: Path) -> None:
    sim.add(H100)
    chaos(running, root, 200)


class Bad:
    """A reader that raises what nobody thought of for a while."""

    def __init__(self, times: int, stop: Stop) -> None:
        self.left, self.stop = times, stop

    def poll(self, at: Instant, deadline_s: float) -> Tick | None:
        self.left -= 1
        if self.left >= 0:
            raise LookupError("unheard of")
        if self.left < -1:
            self.stop.tell()
        return Tick(at=at)


@pytest.mark.parametrize(("times", "ends"), [(3, False), (1000, True)])
def test_an_error_of_its_own_is_said_counted_and_does_not_end_an_agent_at_once(
    tmp_path: Path, times: int, ends: bool
) -> None:
    words = {
        "spool.path": str(tmp_path / "spool"),
        "metrics.listen": "",
        "identity.kubernetes": "off",
        "identity.slurm": "off",
        "identity.prolog": str(tmp_path / "jobs"),
    }
    said: list[tuple[str, str]] = []
    service = Service(load(None, tuple(f"{k}={v}" for k, v in words.items())), lambda *line: said.append(line), "test")
    service.config = msgspec.structs.replace(
        service.config, sample=msgspec.structs.replace(service.config.sample, period=0.005)
    )
    service.agent.reader = Bad(times, service._stop)
    with pytest.raises(LookupError) if ends else nullcontext():
        service._loop()
    service.close()

    assert service.agent.counters.failed_steps == (MOST_FAILED if ends else 3)
    assert said[0][0] == "warning"
    assert said[0][1].startswith("a bug, please report it: LookupError: unheard of (test_service.py:")
    assert ends or said[-1] == ("info", "all is well again")
