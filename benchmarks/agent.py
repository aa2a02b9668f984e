"""What the agent costs a node: memory, processor and disk, beside a Python process that does nothing."""

from __future__ import annotations

import ctypes
import os
import random
import statistics
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pynvml

from collector.agent import Agent
from collector.clock import Clock
from collector.config import Config
from collector.identity.config import Config as Identity
from collector.identity.resolver import Resolver
from collector.nvml.source import Nvml
from collector.nvml.watch import Watch
from collector.service import header_of
from collector.spool.spool import Spool
from tests.fakes.nvml.day import Day, Load
from tests.fakes.nvml.profiles import H100
from tests.fakes.nvml.stub import Gpu, Sim, build

GPUS, PER_GPU, WARMUP_S = 8, 2, 10
DRIVER = 610
CLAIMED_MB, CLAIMED_CPU, CLAIMED_DISK_MB = 45.0, 0.005, 1.5
BARE = "import time; time.sleep(3600)"
SCRIPT_S = 3600


def measure(folder: Path, seconds: int, rounds: int) -> bool:
    """Prints memory, share of a core and bytes a day; False where a budget is not met."""
    build(folder, DRIVER)
    memory, processor, nothing = [], [], 0.0
    for number in range(1, rounds + 1):
        resident, share, nothing = _live(folder, seconds)
        print(
            f"round {number}: resident {resident:.1f} MB, {resident / nothing:.1f} × a Python that does nothing "
            f"({nothing:.1f} MB); processor {share:.3%} of a core over {seconds} s",
            flush=True,
        )
        memory.append(resident)
        processor.append(share)
    disk = _disk(folder)
    found = statistics.median(memory), statistics.median(processor)
    print(
        f"agent: {GPUS} GPUs with GPM, {GPUS * PER_GPU} processes, 1 Hz, on a stub driver whose time counts: medians "
        f"{found[0]:.1f} MB, {found[1]:.3%} of a core; {disk:.2f} MB a day on disk "
        f"(claimed: {CLAIMED_MB:g} MB, {CLAIMED_CPU:.1%}, {CLAIMED_DISK_MB:g} MB)"
    )
    return found[0] <= CLAIMED_MB and found[1] <= CLAIMED_CPU and disk <= CLAIMED_DISK_MB


def _live(folder: Path, seconds: int) -> tuple[float, float, float]:
    """Memory of the agent (MB), its share of a core, and memory of a bare Python, on a node that works."""
    spool = folder / f"spool-{time.monotonic_ns()}"
    state = folder / f"{spool.name}.state"
    environment = dict(os.environ, LD_LIBRARY_PATH=str(folder), NVMLSTUB_STATE=str(state))
    settings = {"spool.path": spool, "inbox.url": folder / "inbox", "metrics.listen": "127.0.0.1:0"}
    options = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    (folder / "inbox").mkdir(exist_ok=True)
    workers = [subprocess.Popen([sys.executable, "-c", BARE]) for _ in range(GPUS * PER_GPU)]
    node = _Node(Sim(state, driver=f"{DRIVER}.57.04"), [w.pid for w in workers], time.time())
    command = [sys.executable, "-c", "from collector.cli import main; main()", *options, "run"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as agent:
        node.work(WARMUP_S)
        before, began = _cpu(agent.pid), time.monotonic()
        node.work(seconds)
        share = (_cpu(agent.pid) - before) / (time.monotonic() - began)
        found = _resident(agent.pid), share, _resident(workers[0].pid)
        agent.terminate()
    for worker in workers:
        worker.kill()
        worker.wait()
    return found


class _Node:
    """Eight GPUs whose loads change every second, and two processes on each."""

    def __init__(self, sim: Sim, pids: list[int], epoch_s: float) -> None:
        draw = random.Random(7)
        self._sim, self._began, self._now = sim, epoch_s, 0.0
        self._boards: list[tuple[Gpu, Day, list[int]]] = []
        for number in range(GPUS):
            gpu = sim.add(H100)
            gpu.used = 40 << 30
            mine = pids[number * PER_GPU : (number + 1) * PER_GPU]
            for pid in mine:
                sim.process(gpu, pid)
            loads = [(float(s), _load(draw)) for s in range(SCRIPT_S + 60)]
            self._boards.append((gpu, Day(gpu, loads, round(epoch_s * 1e6)), mine))

    def work(self, seconds: float) -> None:
        end = time.time() + seconds
        while time.time() < end:
            self.until(time.time() - self._began)
            time.sleep(0.5)

    def until(self, second: float) -> None:
        for gpu, day, pids in self._boards:
            day.until(second)
            for pid in pids:
                busy = day.total("busy", self._now, second) / max(second - self._now, 1e-9)
                self._sim.used(gpu, pid, round(100 * busy / PER_GPU), round((self._began + second) * 1e6))
        self._now = second


def _load(draw: random.Random) -> Load:
    busy = draw.random()
    return Load(busy, busy * draw.random(), busy * draw.random(), draw.random(), 100 + 500 * busy)


def _disk(folder: Path) -> float:
    """MB a day in the spool: an hour by the script's clock, the rest as in a node's agent."""
    state = folder / "hour.state"
    os.environ["NVMLSTUB_STATE"] = str(state)
    sim = Sim(state, driver=f"{DRIVER}.57.04")
    pynvml.nvmlLib = ctypes.CDLL(str(folder / "libnvidia-ml.so.1"))
    workers = [subprocess.Popen([sys.executable, "-c", BARE]) for _ in range(GPUS * PER_GPU)]
    epoch_s = 1_772_409_600.0
    node = _Node(sim, [w.pid for w in workers], epoch_s)
    at = [0.0]
    clock = Clock(lambda: round(at[0] * 1e9), lambda: round((epoch_s + at[0]) * 1e9))
    header = msgspec.structs.replace(header_of(Config(), "benchmark"), wall_ms=round(epoch_s * 1000), boot_ns=0)
    spool = Spool(folder / "hour", header, clock_ns=lambda: round(at[0] * 1e9))
    source = Nvml(processes_every=5)
    watch = Watch(source)
    agent = Agent(watch, Resolver(Identity(node="n1")), spool, clock, 1000, 10_000)
    for second in range(SCRIPT_S):
        at[0] = float(second)
        node.until(second)
        agent.step()
    agent.close()
    spool.close()
    watch.close(5)
    for worker in workers:
        worker.kill()
        worker.wait()
    return sum(path.stat().st_size for path in (folder / "hour").glob("*.seg")) * 86_400 / SCRIPT_S / 1e6


def _cpu(pid: int) -> float:
    """Seconds of processor time of a process, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident(pid: int) -> float:
    """Resident memory of a process in MB."""
    line = next(x for x in Path(f"/proc/{pid}/status").read_text().splitlines() if x.startswith("VmRSS"))
    return int(line.split()[1]) * 1024 / 1e6
