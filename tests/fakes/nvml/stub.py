"""The tests' side of the stub driver: the state in ctypes, the build, and what a test makes happen."""

from __future__ import annotations

import ctypes
import mmap
import os
import subprocess
from ctypes import Array, Structure, c_char, c_double, c_int32, c_uint32, c_uint64, sizeof
from pathlib import Path
from typing import Any, ClassVar

from tests.fakes.nvml.profiles import MIB, Profile

SOURCES = ("device.c", "processes.c")
NOT_MIG = 0xFFFFFFFF
MAGIC = 0x4E564D4C53545542
SAMPLES, INSTANCES, METRICS = 256, 8, 64


class Process(Structure):
    _fields_: ClassVar = [
        *((name, c_uint32) for name in ("pid", "kind", "gi", "ci")),
        ("memory", c_uint64),
    ]


class ProcessSample(Structure):
    _fields_: ClassVar = [("timestamp_us", c_uint64), ("pid", c_uint32), ("sm", c_uint32)]


class Sample(Structure):
    _fields_: ClassVar = [("timestamp_us", c_uint64), ("value", c_uint32), ("pad", c_uint32)]


class Accounted(Structure):
    _fields_: ClassVar = [
        *((name, c_uint32) for name in ("pid", "running", "gpu", "memory", "samples", "pad")),
        *((name, c_uint64) for name in ("max_memory", "time_ms", "start_us", "sum_gpu")),
    ]


class Instance(Structure):
    _fields_: ClassVar = [
        *((name, c_uint32) for name in ("exists", "gi", "ci", "pad")),
        *((name, c_uint64) for name in ("total", "used", "gpm_us")),
        ("gpm", c_double * METRICS),
        ("uuid", c_char * 96),
        ("name", c_char * 96),
    ]
    exists: int
    gi: int
    ci: int
    gpm_us: int
    used: int
    gpm: Array[c_double]
    uuid: bytes


class Gpu(Structure):
    _fields_: ClassVar = [
        ("uuid", c_char * 96),
        ("name", c_char * 96),
        ("bus", c_char * 32),
        ("serial", c_char * 32),
        *(
            (name, c_uint32)
            for name in (
                *("minor", "persistence", "gpu_util", "memory_util", "power_mw", "temperature"),
                *("mig_capable", "mig_mode", "accounting_mode", "has_gpm", "has_energy", "has_ecc"),
                *("processes", "process_samples", "samples", "accounted", "recovery_action"),
            )
        ),
        *(
            (name, c_uint64)
            for name in ("energy_mj", "total", "reserved", "used", "throttle", "ecc_uncorrected", "gpm_us")
        ),
        ("gpm", c_double * METRICS),
        ("process", Process * 64),
        ("process_sample", ProcessSample * SAMPLES),
        ("sample", Sample * SAMPLES),
        ("account", Accounted * 128),
        ("instance", Instance * INSTANCES),
    ]
    uuid: bytes
    name: bytes
    gpu_util: int
    power_mw: int
    mig_mode: int
    accounting_mode: int
    processes: int
    process_samples: int
    samples: int
    accounted: int
    recovery_action: int
    energy_mj: int
    used: int
    throttle: int
    ecc_uncorrected: int
    gpm_us: int
    gpm: Array[c_double]
    process: Array[Process]
    process_sample: Array[ProcessSample]
    sample: Array[Sample]
    account: Array[Accounted]
    instance: Array[Instance]


class Rule(Structure):
    _fields_: ClassVar = [
        ("function", c_char * 64),
        ("device", c_int32),
        ("code", c_int32),
        *((name, c_uint64) for name in ("after", "hits", "delay_us")),
    ]


class Event(Structure):
    _fields_: ClassVar = [("device", c_uint32), ("pad", c_uint32), ("type", c_uint64), ("data", c_uint64)]


class State(Structure):
    _fields_: ClassVar = [
        ("magic", c_uint64),
        ("calls", c_uint64),
        *((name, c_uint32) for name in ("gpus", "rules", "events", "inits")),
        ("init_code", c_int32),
        ("accounting_code", c_int32),
        ("driver", c_char * 80),
        ("rule", Rule * 32),
        ("event", Event * 64),
        ("gpu", Gpu * 16),
    ]
    magic: int
    calls: int
    gpus: int
    rules: int
    events: int
    inits: int
    init_code: int
    accounting_code: int
    driver: bytes
    rule: Array[Rule]
    event: Array[Event]
    gpu: Array[Gpu]


def build(folder: Path, driver: int) -> Path:
    """The stub with the symbols of this driver's major version; raises where C and ctypes disagree on the layout."""
    library = folder / "libnvidia-ml.so.1"
    here = Path(__file__).parent
    sources = [str(here / name) for name in SOURCES]
    flags = ["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-fvisibility=hidden", f"-DDRIVER={driver}"]
    compiler = os.environ.get("CC", "cc")
    subprocess.run([compiler, *flags, "-Wl,-soname,libnvidia-ml.so.1", "-o", str(library), *sources], check=True)
    size = ctypes.CDLL(str(library)).nvmlstub_sizeof
    size.restype = ctypes.c_size_t
    for position, kind in enumerate((State, Gpu, Instance, Rule, Process, Accounted)):
        if size(position) != sizeof(kind):
            raise AssertionError(f"{kind.__name__}: {size(position)} bytes in C, {sizeof(kind)} in ctypes")
    return library


class Sim:
    """A machine's driver; what is written here is seen at once by every process that loaded the stub."""

    def __init__(self, path: Path, driver: str = "590.48.01") -> None:
        self.path = path
        path.write_bytes(bytes(sizeof(State)))
        with path.open("r+b") as file:
            self.state = State.from_buffer(mmap.mmap(file.fileno(), sizeof(State)))
        self._partitions = 0
        self._rows: dict[bytes, int] = {}
        self.state.magic, self.state.driver = MAGIC, driver.encode()

    def add(self, profile: Profile) -> Gpu:
        """One more GPU, idle, partitioned as the profile says."""
        index = self.state.gpus
        gpu = self.state.gpu[index]
        values: dict[str, Any] = {
            "uuid": f"GPU-00000000-0000-0000-0000-{index:012d}".encode(),
            "name": profile.name.encode(),
            "bus": f"00000000:{0x18 + index:02X}:00.0".encode(),
            "serial": f"16500{index:08d}".encode(),
            "minor": index,
            "persistence": 1,
            "power_mw": profile.idle_mw,
            "temperature": 35,
            "mig_capable": profile.mig,
            "has_gpm": profile.gpm,
            "has_energy": 1,
            "has_ecc": 1,
            "energy_mj": 10**9,
            "total": profile.total_mib * MIB,
            "reserved": profile.reserved_mib * MIB,
        }
        for name, value in values.items():
            setattr(gpu, name, value)
        for position, part in enumerate(profile.slices):
            # After a hole: instances are numbered sparsely.
            self.partition(gpu, position + 1, part.profile, part.gi, part.ci, part.memory_mib)
        self.state.gpus = index + 1
        return gpu

    def partition(self, gpu: Gpu, slot: int, profile: str, gi: int, ci: int = 0, memory_mib: int = 9984) -> Instance:
        """A MIG instance in this slot, with a UUID that no instance had before."""
        gpu.mig_mode = 1
        instance = gpu.instance[slot]
        board = gpu.uuid.decode()[-4:]
        self._partitions += 1
        values = {
            "exists": 1,
            "gi": gi,
            "ci": ci,
            "total": memory_mib * MIB,
            "uuid": f"MIG-0000{board}-0000-0000-0000-{self._partitions:012d}".encode(),
            "name": f"{gpu.name.decode()} MIG {profile}".encode(),
        }
        for name, value in values.items():
            setattr(instance, name, value)
        return instance

    def process(self, gpu: Gpu, pid: int, memory: int = 1 << 30, kind: int = 0, part: Instance | None = None) -> None:
        """A context on the GPU or on its MIG instance; `kind` is 0 compute, 1 graphics, 2 MPS client."""
        where = (NOT_MIG, NOT_MIG) if part is None else (part.gi, part.ci)
        gpu.process[gpu.processes] = Process(pid, kind, *where, memory)
        gpu.processes += 1

    def used(self, gpu: Gpu, pid: int, sm: int, at_us: int) -> None:
        """A row of the utilization of processes."""
        board = gpu.uuid
        count = self._rows[board] = self._rows.get(board, gpu.process_samples) + 1
        gpu.process_sample[(count - 1) % SAMPLES] = ProcessSample(at_us, pid, sm)
        gpu.process_samples = min(count, SAMPLES)

    def account(self, to: Gpu, pid: int, **values: int) -> None:
        """A row of accounting, which stays after the process has ended."""
        to.account[to.accounted] = Accounted(pid=pid, **values)
        to.accounted += 1

    def fail(self, code: int = 0, function: str = "", device: int = -1, after: int = 0, delay_s: float = 0) -> None:
        """Calls fail with `code` or take `delay_s`, after so many good ones, until `heal`."""
        rule = Rule(function.encode(), device, code, after, 0, int(delay_s * 1e6))
        self.state.rule[self.state.rules] = rule
        self.state.rules += 1

    def heal(self) -> None:
        """No call fails or hangs any more."""
        self.state.rules = 0

    def xid(self, device: int, code: int) -> None:
        """An XID event of this GPU."""
        self.state.event[self.state.events % 64] = Event(device, 0, 8, code)
        self.state.events += 1

    def reload(self) -> None:
        """The driver was unloaded and loaded again: counters begin at 0, accounting is off and empty."""
        for index in range(self.state.gpus):
            gpu = self.state.gpu[index]
            gpu.energy_mj = gpu.accounting_mode = gpu.accounted = 0
