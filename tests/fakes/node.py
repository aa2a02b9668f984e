"""A GPU node for people who read documents: a driver, devices that are at work, processes, a Slurm prolog's files."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

from tests.collector.identity.proctree import boot, process
from tests.fakes.nvml.profiles import H100, H100_MIG
from tests.fakes.nvml.stub import Gpu, Instance, Sim, build

DRIVER = 590
STEP_US = 50_000
JOB, TRAINING, SERVER = "4711", 3100, 3200
CONTAINER = "3f2c" * 16
USER = 61_234
"""Nobody's id, so that no machine has a name for it."""

_TRAINED = {1: 92, 2: 74, 5: 41, 10: 38}
_SERVED = {1: 55, 2: 31, 5: 12, 10: 20}


class Node:
    """Job 4711 holds GPU 0, which works, and GPU 1, on which it has no process; a container is on an instance of GPU 2.

    `environment` lets a process load the driver, `settings` are what `--set` needs to find the rest.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        state, proc, jobs = folder / "driver", folder / "proc", folder / "jobs"
        proc.mkdir()
        library = build(folder, DRIVER)
        self._sim = Sim(state)
        self._trained, self._held, self._split = (self._sim.add(p) for p in (H100, H100, H100_MIG))
        self._part = self._split.instance[1]
        self._people(boot(proc), jobs)
        self.environment = {"LD_LIBRARY_PATH": str(library.parent), "NVMLSTUB_STATE": str(state)}
        self.settings = {
            "identity.proc": str(proc),
            "identity.prolog": str(jobs),
            "identity.prolog_owner": str(os.getuid()),
            "identity.kubernetes": "off",
            "identity.slurm": "off",
        }
        self._stop = threading.Event()
        self._worker = threading.Thread(target=self._work, daemon=True)
        self._worker.start()

    def close(self) -> None:
        """The devices stand still."""
        self._stop.set()
        self._worker.join()

    def _people(self, proc: Path, jobs: Path) -> None:
        slurm = f"/system.slice/slurmstepd.scope/job_{JOB}/step_0/user/task_0"
        now = time.clock_gettime_ns(time.CLOCK_BOOTTIME) * os.sysconf("SC_CLK_TCK") // 10**9
        process(proc, TRAINING, slurm, uid=USER, start=now)
        process(proc, SERVER, f"/system.slice/docker-{CONTAINER}.scope", start=now)
        self._sim.process(self._trained, TRAINING, 61 << 30)
        self._sim.process(self._split, SERVER, 12 << 30, part=self._part)
        self._trained.used, self._part.used = 61 << 30, 12 << 30
        self._trained.gpu_util, self._trained.power_mw, self._trained.temperature = 92, 582_000, 61
        for gpu in (self._trained, self._held, self._split):
            gpu.accounting_mode = 1
        jobs.mkdir(0o755)
        for number in ("0", "1"):
            (jobs / number).write_text(f"{JOB} {USER}\n", "ascii")
            (jobs / number).chmod(0o644)

    def _work(self) -> None:
        while not self._stop.wait(STEP_US / 1e6):
            for board, did in ((self._trained, _TRAINED), (self._held, {}), (self._part, _SERVED)):
                _advance(board, did)
            for gpu in (self._trained, self._held, self._split):
                gpu.energy_mj += gpu.power_mw * STEP_US // 1_000_000
            self._sim.used(self._trained, TRAINING, _TRAINED[1], time.clock_gettime_ns(time.CLOCK_REALTIME) // 1000)


def _advance(board: Gpu | Instance, did: dict[int, int]) -> None:
    board.gpm_us += STEP_US
    for metric, percent in did.items():
        board.gpm[metric] += percent * STEP_US
