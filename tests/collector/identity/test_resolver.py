"""All sources behind one door: whose a process is and who holds a device, with and without each system."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import msgspec
import pytest

from collector.identity import enquiry, kubernetes
from collector.identity.config import Config
from collector.identity.held import Held
from collector.identity.resolver import Resolver
from collector.source import Instant
from collector.wire import UNKNOWN, Device, Workload
from tests.collector.identity.apiserver import ApiServer, pod
from tests.collector.identity.kubelet import Kubelet, claim, devices
from tests.collector.identity.kubelet import pod as assigned
from tests.collector.identity.proctree import boot, end, process

ROOT = Path(__file__).parents[3]
DATA = ROOT / "tests/data/slurm"
ID = "c" * 64
POD = "2fc932ce-fdcc-454b-97bd-aadfdeb4c340"
# The driver's order is that of the bus: here minor numbers run the other way.
GPUS = tuple(Device(uuid=f"GPU-{n}", name="NVIDIA A100", minor=3 - n, bus=f"0000:0{n}:00.0") for n in range(4))
MIG = Device(uuid="MIG-a", name="MIG 1g.10gb", parent="GPU-0", minor=3, profile="1g.10gb", instance=7)
ALL = (MIG, *GPUS)


def at(seconds: float = 0) -> Instant:
    return Instant(boot_ns=int((1000 + seconds) * 1e9), wall_ms=1_800_000_000_000 + int(seconds * 1000))


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever answers at all is waited for, however busy the machine is."""
    monkeypatch.setattr(enquiry, "WAIT_S", 10.0)


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    return boot(tmp_path / "proc")


@pytest.fixture
def config(proc: Path, tmp_path: Path) -> Config:
    """A plain host."""
    return Config(
        node="cn002",
        proc=str(proc),
        podresources=str(tmp_path / "kubelet.sock"),
        service_account=str(tmp_path / "account"),
        slurm_bin=str(tmp_path / "bin"),
        prolog=str(tmp_path / "jobs"),
        prolog_owner=os.getuid(),
    )


@pytest.fixture
def kubelet(tmp_path: Path) -> Iterator[Kubelet]:
    server = Kubelet(tmp_path / "kubelet.sock")
    yield server
    server.close()


@pytest.fixture
def api(tmp_path: Path, config: Config, monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiServer]:
    monkeypatch.setattr(kubernetes, "PAUSE_S", 0.02)
    (tmp_path / "account").mkdir()
    (tmp_path / "account/token").write_text("first", "ascii")
    server = ApiServer()
    yield server
    server.close()


@contextmanager
def resolver(config: Config, **more: object) -> Iterator[Resolver]:
    made = Resolver(msgspec.structs.replace(config, **more))
    yield made
    made.close()


def eventually(true: Callable[[], object]) -> None:
    for _ in range(500):
        if true():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come to pass within 5 s")


def squeue(tmp_path: Path, script: str) -> None:
    (tmp_path / "bin").mkdir(exist_ok=True)
    (tmp_path / "bin/squeue").write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    (tmp_path / "bin/squeue").chmod(0o755)


def shares(held: list[Held] | None) -> dict[tuple[str, str], int]:
    assert held is not None
    found = {(one.uuid, one.workload.id): one.share_ppm for one in held}
    assert len(found) == len(held)
    return found


def test_a_plain_host(config: Config, proc: Path) -> None:
    process(proc, 1, f"/system.slice/docker-{ID}.scope", environ={"MODEL": "llama"})
    process(proc, 2, "/user.slice/user-1234567.slice/session-2.scope")
    process(proc, 3, "/system.slice/ollama.service")
    process(proc, 4, "/", uid=1234567)
    process(proc, 5, f"/user.slice/user-1234567.slice/user@1234567.service/user.slice/libpod-{ID}.scope")
    process(proc, 6, "/lxc.payload.web/x")

    with resolver(config) as known:
        found = [known.workload(pid, at()) for pid in range(1, 8)]
        assert known.held(ALL, at()) is None
        assert known.started_ms(1, at()) == at().wall_ms - 958_000
        assert known.status(at()) == [("processes", "ok", "readable")]

    assert found == [
        Workload(id="docker:cccccccccccc@cn002", kind="docker", container=ID, user="root", hints={"model": "llama"}),
        Workload(id="user:1234567@cn002", kind="user", user="1234567"),
        Workload(id="systemd:ollama.service@cn002", kind="systemd", user="root"),
        Workload(id="user:1234567@cn002", kind="user", user="1234567"),
        Workload(id="podman:1234567/cccccccccccc@cn002", kind="podman", container=ID, user="1234567"),
        Workload(id="lxc:web@cn002", kind="lxc", container="web", user="root"),
        None,
    ]


def test_a_pod_nobody_has_told_of_is_its_uid(config: Config, proc: Path) -> None:
    process(proc, 1, f"/kubepods/pod{POD}/{ID}")
    process(proc, 2, f"/../cri-containerd-{ID}.scope")

    with resolver(config) as known:
        assert known.workload(1, at()) == Workload(id=f"pod:{POD}", kind="kubernetes", uid=POD, container=ID)
        assert known.workload(2, at()) == Workload(id="container:cccccccccccc@cn002", kind="kubernetes", container=ID)


def test_process_and_assignment_are_one_workload(config: Config, proc: Path, kubelet: Kubelet, api: ApiServer) -> None:
    status = {"containerStatuses": [{"name": "main", "containerID": f"cri-o://{ID}"}]}
    api.pods = [pod("train-0", POD, labels={"team": "search"}, status=status)]
    kubelet.pods = [assigned("ml", "train-0", {"main": [devices("nvidia.com/gpu", ["GPU-0", "GPU-3"])]})]
    process(proc, 1, f"/kubepods/pod{POD}/{ID}")
    process(proc, 2, f"/../cri-containerd-{ID}.scope")
    with resolver(config, kubernetes_url=api.url) as known:
        eventually(
            lambda: known.workload(1, at()) != Workload(id=f"pod:{POD}", kind="kubernetes", uid=POD, container=ID)
        )
        of_process, neighbor, held = known.workload(1, at()), known.workload(2, at()), known.held(ALL, at())

    expected = Workload(
        id="ml/train-0", kind="kubernetes", uid=POD, container="main", namespace="ml", claims={"team": "search"}
    )
    assert of_process == neighbor == expected
    assert held == [
        Held(uuid=uuid, workload=expected, share_ppm=1_000_000, start_ms=1_795_514_400_000)
        for uuid in ("GPU-0", "GPU-3")
    ]


def test_the_kubelet_alone_knows_names(config: Config, kubelet: Kubelet) -> None:
    kubelet.pods = [assigned("ml", "a", {"main": [devices("nvidia.com/gpu", ["GPU-1"])]})]

    with resolver(config) as known:
        held = known.held(ALL, at())

    workload = Workload(id="ml/a", kind="kubernetes", container="main", namespace="ml")
    assert held == [Held(uuid="GPU-1", workload=workload, share_ppm=1_000_000)]


def test_every_form_of_device_id(config: Config, kubelet: Kubelet) -> None:
    kubelet.pods = [
        assigned("n", "index", {"m": [devices("nvidia.com/gpu", ["1"])]}),
        assigned("n", "gke", {"m": [devices("nvidia.com/gpu", ["nvidia1"])]}),
        assigned("n", "gke-mig", {"m": [devices("nvidia.com/gpu", ["nvidia3/gi7"])]}),
        assigned("n", "mig", {"m": [devices("nvidia.com/mig-1g.10gb", ["MIG-a"])]}),
        assigned("n", "dra", {"m": []}, [claim("c", "gpu.nvidia.com", "cn002", "gpu-0")]),
        assigned("n", "tpu", {"m": [devices("google.com/tpu", ["chip-0"])]}),
        assigned("n", "none", {"m": [devices("nvidia.com/gpu", ["GPU-0-4", "nvidia3/gi9", "9"])]}),
    ]
    tpu = Device(uuid="chip", name="TPU v6e")

    with resolver(config) as known:
        held = known.held((*ALL, tpu), at())
        told = known.status(at())[1]

    assert shares(held) == {
        ("GPU-1", "n/index"): 1_000_000,
        ("GPU-2", "n/gke"): 1_000_000,
        ("MIG-a", "n/gke-mig"): 1_000_000,
        ("MIG-a", "n/mig"): 1_000_000,
        ("GPU-3", "n/dra"): 1_000_000,
        ("chip", "n/tpu"): 1_000_000,
    }
    assert told == ("podresources", "warn", "no device is known by 9, GPU-0-4, nvidia3/gi9")


def test_replicas_are_parts_of_what_is_configured(config: Config, kubelet: Kubelet) -> None:
    kubelet.pods = [
        assigned("n", "one", {"m": [devices("nvidia.com/gpu.shared", ["GPU-0::0"])]}),
        assigned("n", "two", {"m": [devices("nvidia.com/gpu.shared", ["GPU-0::2", "GPU-0::3"])]}),
    ]
    kubelet.allocatable = [devices("nvidia.com/gpu.shared", [f"GPU-0::{n}" for n in range(4)])]

    with resolver(config) as known:
        # How many there are is asked at once: processes must not hold meanwhile what was given to pods.
        held = known.held(ALL, at())
        for second in range(1, 400):
            known.held(ALL, at(second))

    assert shares(held) == {("GPU-0", "n/one"): 250_000, ("GPU-0", "n/two"): 500_000}
    assert kubelet.asked[:4] == ["List", "GetAllocatableResources", "List", "List"]
    assert len(kubelet.asked) == 81
    assert kubelet.asked.count("GetAllocatableResources") == 2


def test_a_kubelet_that_is_busy_is_asked_again_how_devices_are_shared(config: Config, kubelet: Kubelet) -> None:
    kubelet.pods = [assigned("n", "one", {"m": [devices("nvidia.com/gpu.shared", ["GPU-0::0"])]})]
    kubelet.allocatable = [devices("nvidia.com/gpu.shared", [f"GPU-0::{n}" for n in range(4)])]

    with resolver(config) as known:
        kubelet.fail = (grpc.StatusCode.RESOURCE_EXHAUSTED, "rejected by rate limit")
        assert known.held(ALL, at()) is None
        kubelet.fail = None
        assert shares(known.held(ALL, at(15))) == {("GPU-0", "n/one"): 250_000}


def test_a_share_that_nobody_tells_is_unknown(config: Config, kubelet: Kubelet) -> None:
    kubelet.pods = [assigned("n", "one", {"m": [devices("nvidia.com/gpu.shared", ["GPU-0::0"])]})]

    with resolver(config) as known:
        known.held(ALL, at())
        assert shares(known.held(ALL, at(5))) == {("GPU-0", "n/one"): UNKNOWN}


def test_a_claim_of_several_containers_is_shared(config: Config, kubelet: Kubelet) -> None:
    one = claim("c", "gpu.nvidia.com", "cn002", "gpu-0")
    kubelet.pods = [assigned("n", name, {"m": []}, [one]) for name in ("a", "b")]

    with resolver(config) as known:
        assert shares(known.held(ALL, at())) == {("GPU-3", "n/a"): 500_000, ("GPU-3", "n/b"): 500_000}


def test_pods_that_have_ended_hold_nothing(config: Config, kubelet: Kubelet, api: ApiServer) -> None:
    api.pods = [pod("a", "u1", status={"phase": "Failed"})]
    kubelet.pods = [assigned("ml", "a", {"main": [devices("nvidia.com/gpu", ["GPU-1"])]})]

    with resolver(config, kubernetes_url=api.url) as known:
        eventually(lambda: known.held(ALL, at()) == [])


def test_the_rate_limit_is_backed_off_from(config: Config, kubelet: Kubelet) -> None:
    kubelet.pods = [assigned("ml", "a", {"main": [devices("nvidia.com/gpu", ["GPU-1"])]})]

    with resolver(config) as known:
        known.held(ALL, at())
        kubelet.fail = (grpc.StatusCode.RESOURCE_EXHAUSTED, "rejected by rate limit")
        for second in range(1, 100):
            known.held(ALL, at(second))
        told = known.status(at(99))[1]
        assert len(known.held(ALL, at(99)) or []) == 1
        assert known.held(ALL, at(301)) is None

    # at 5, 15, 35 and 75 s, and after 80 s more
    assert len(kubelet.asked) == 6
    assert told == ("podresources", "warn", "RESOURCE_EXHAUSTED: rejected by rate limit; last answer 99 s ago")


def test_a_kubelet_that_hangs_does_not_stop_sampling(
    config: Config, kubelet: Kubelet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    kubelet.delay_s = 3
    with resolver(config) as known:
        began = time.monotonic()
        assert known.held(ALL, at()) is None
        assert known.held(ALL, at(1)) is None
        assert time.monotonic() - began < 0.9


def test_jobs_hold_by_minor_number(config: Config, proc: Path, tmp_path: Path) -> None:
    squeue(tmp_path, f"cat {DATA}/squeue-24.05.json")
    process(proc, 1, "/system.slice/slurmstepd.scope/job_1240/step_0/user/task_0", uid=1234567)
    process(proc, 2, "/system.slice/slurmstepd.scope/job_9999/step_0/user/task_0", uid=1234567)

    with resolver(config) as known:
        held = known.held(ALL, at())
        found, other = known.workload(1, at()), known.workload(2, at())
        assert known.status(at())[1:] == [("slurm", "ok", "answers")]

    assert found == Workload(id="1234_7", kind="slurm", uid="1240", user="bob", account="bio", namespace="short")
    assert other == Workload(id="9999", kind="slurm", uid="9999", user="1234567")
    # Devices 0, 2 and 3 of gres.conf are the last, the second and the first of the bus.
    assert shares(held) == {
        ("GPU-3", "211"): 1_000_000,
        ("GPU-1", "211"): 1_000_000,
        ("GPU-0", "211"): 1_000_000,
        ("GPU-2", "1234_7"): 1_000_000,
        ("GPU-3", "1300+1"): UNKNOWN,
    }
    assert held is not None
    assert {one.start_ms for one in held if one.workload.id == "1234_7"} == {1_763_982_000_000}


def test_squeue_is_asked_every_half_minute_and_never_waited_for(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    squeue(tmp_path, f"echo x >>{tmp_path}/asked; cat {DATA}/squeue-24.05.json")
    with resolver(config) as known:
        for second in range(61):
            known.held(ALL, at(second))
        assert len(known.held(ALL, at(61)) or []) == 5
    assert (tmp_path / "asked").read_text("ascii") == "x\n" * 3

    squeue(tmp_path, "exec sleep 2")
    monkeypatch.undo()
    with resolver(config) as known:
        began = time.monotonic()
        assert known.held(ALL, at()) is None
        assert time.monotonic() - began < 0.9


def write(folder: Path, name: str, text: str, wall_ms: int) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text, "ascii")
    os.utime(folder / name, ns=(0, wall_ms * 10**6))


def test_a_prolog_alone(config: Config, tmp_path: Path) -> None:
    write(tmp_path / "jobs", "MIG-a", "77 1234567\n", 5_000)
    write(tmp_path / "jobs", "0", "78 1234567\n79 1234568\n", 6_000)
    write(tmp_path / "jobs", "8", "80 1234567\n", 6_000)

    with resolver(config) as known:
        held = known.held(ALL, at())
        told = known.status(at())[1:]

    assert shares(held) == {("MIG-a", "77"): 1_000_000, ("GPU-3", "78"): UNKNOWN, ("GPU-3", "79"): UNKNOWN}
    assert held is not None
    assert [(one.workload.user, one.start_ms) for one in held] == [
        ("1234567", 6_000),
        ("1234568", 6_000),
        ("1234567", 5_000),
    ]
    assert told == [("slurm devices", "warn", "no device is known by 8")]


def test_squeue_knows_better_than_a_file_that_was_left_behind(config: Config, tmp_path: Path) -> None:
    squeue(tmp_path, f"cat {DATA}/squeue-24.05.json")
    write(tmp_path / "jobs", "GPU-0", "12 1000\n", at().wall_ms - 60_000)
    write(tmp_path / "jobs", "GPU-1", "211 1000\n", at().wall_ms - 60_000)
    write(tmp_path / "jobs", "GPU-2", "2000 1000\n", at().wall_ms + 5_000)

    with resolver(config) as known:
        known.held(ALL, at())
        found = shares(known.held(ALL, at(10)))

    assert ("GPU-0", "12") not in found
    assert found["GPU-2", "2000"] == 1_000_000
    assert len(found) == 6


def test_a_process_that_is_gone(config: Config, proc: Path) -> None:
    process(proc, 1, "/system.slice/x.service")
    with resolver(config) as known:
        first = known.workload(1, at())
        end(proc, 1)
        assert known.workload(1, at(10)) == first
        assert known.started_ms(2, at()) is None


def test_an_agent_without_the_hosts_pids_says_so(config: Config) -> None:
    with resolver(config) as known:
        known.workload(4711, at())
        assert known.status(at())[0][:2] == ("processes", "fail")


def test_nothing_is_asked_that_is_off(config: Config, kubelet: Kubelet, tmp_path: Path) -> None:
    squeue(tmp_path, f"echo x >>{tmp_path}/asked")
    with resolver(config, kubernetes="off", slurm="off") as known:
        assert known.held(ALL, at()) is None
        assert known.status(at()) == [("processes", "ok", "readable")]
    assert kubelet.asked == []
    assert not (tmp_path / "asked").exists()


RSS = """
import sys
def rss():
    return int(next(l for l in open("/proc/self/status") if l.startswith("VmRSS")).split()[1])
import msgspec, collector.wire, collector.source
before = rss()
from collector.identity.config import Config
from collector.identity.resolver import Resolver
from collector.source import Instant
known = Resolver(Config(node="n", kubernetes="off", slurm_bin="/nonexistent"))
known.workload(1, Instant(boot_ns=10**12, wall_ms=10**12))
known.held((), Instant(boot_ns=10**12, wall_ms=10**12))
heavy = {"ssl", "http.client", "subprocess", "grpc", "json"} & set(sys.modules)
plain = rss() - before
import collector.identity.api, collector.identity.kubernetes
print(plain, rss() - before, *heavy)
"""


def test_it_is_light() -> None:
    done = subprocess.run([sys.executable, "-c", RSS], capture_output=True, text=True, check=True, cwd=ROOT)
    plain, whole, *heavy = done.stdout.split()

    assert heavy == []
    assert int(plain) < 6 * 1024
    assert int(whole) < 12 * 1024
