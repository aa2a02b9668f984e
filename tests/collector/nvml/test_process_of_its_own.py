"""As an agent has it: the library found by the loader, in a process of its own; what a tick costs there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

TICKS = 200

SCRIPT = f"""
import json, os, sys, time
from pathlib import Path
from tests.fakes.nvml.day import Day, Load
from tests.fakes.nvml.profiles import H100
from tests.fakes.nvml.stub import Sim
from collector.nvml.source import Nvml
from collector.source import Instant

epoch_ms = 1_780_000_000_000
sim, proc = Sim(Path(os.environ["NVMLSTUB_STATE"])), Path(sys.argv[1])
days = []
for board in range(8):
    gpu = sim.add(H100)
    days.append(Day(gpu, [(0, Load(busy=0.75, sm=0.5, tensor=0.25, dram=0.25))], epoch_ms * 1000))
    for pid in (100 + board, 200 + board):
        (proc / str(pid)).mkdir(parents=True)
        (proc / str(pid) / "comm").write_text("python")
        sim.process(gpu, pid)
source = Nvml(processes_every=10, proc=proc)
cpu = 0.0
for second in range({TICKS}):
    for day in days:
        day.until(second)
    begun = time.process_time()
    tick = source.tick(Instant(boot_ns=second * 10**9, wall_ms=epoch_ms + second * 1000))
    cpu += (time.process_time() - begun) / {TICKS}
    first = tick if second == 0 else first
source.close()
rss = int(Path("/proc/self/status").read_text().split("VmRSS:")[1].split()[0])
told = dict(busy=[r.busy for r in tick.readings], tensor=[round(r.tensor, 9) for r in tick.readings])
heavy = sorted({{"numpy", "polars", "sqlite3"}} & set(sys.modules))
print(json.dumps(dict(told, processes=len(first.processes), cpu=cpu, rss=rss, heavy=heavy)))
"""


def test_eight_gpus_with_sixteen_processes_are_cheap(stubs: Callable[[int], Path], tmp_path: Path, root: Path) -> None:
    environment = dict(os.environ, NVMLSTUB_STATE=str(tmp_path / "state"), LD_LIBRARY_PATH=str(stubs(590).parent))
    environment["PYTHONPATH"] = str(root)
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "proc")]
    run = subprocess.run(command, env=environment, cwd=root, check=True, capture_output=True, text=True)
    told = json.loads(run.stdout)

    assert (told["busy"], told["tensor"], told["processes"]) == ([0.75] * 8, [0.25] * 8, 16)
    assert told["heavy"] == []
    # At one tick a second: 0.4 % of a core and 45 MB are the budgets of the whole agent.
    assert told["cpu"] < 0.004, told
    assert told["rss"] < 35_000, told


def test_a_machine_without_a_driver_has_no_devices(root: Path, tmp_path: Path) -> None:
    script = (
        "from collector.nvml.source import Nvml; from collector.source import Instant; s = Nvml();"
        "print(len(s.tick(Instant(boot_ns=1, wall_ms=1)).devices), s.trouble)"
    )
    environment = dict(os.environ, NVMLSTUB_STATE=str(tmp_path / "none"))
    run = subprocess.run(
        [sys.executable, "-c", script], env=environment, cwd=root, check=True, capture_output=True, text=True
    )

    assert run.stdout.startswith(
        ("0 NVML could not be initialized: error 12", "0 NVML could not be initialized: error 9")
    )
