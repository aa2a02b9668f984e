"""Whose a cgroup is: paths as each runtime makes them, and paths that somebody made to pay with another's money."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.identity.cgroups import HOST, Cgroup, classify, parse

ID = "3f29cbc1f9d4" + "a" * 52
OTHER = "b" * 64
POD = "2fc932ce-fdcc-454b-97bd-aadfdeb4c340"
SLICE = POD.replace("-", "_")
STATIC = "0123456789abcdef0123456789abcdef"

IN_POD = Cgroup(kind="kubernetes", pod=POD, container=ID)
USER = Cgroup(kind="user", user=1000, unit="user@1000.service")

PATHS = {
    # Kubernetes, systemd driver
    f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{SLICE}.slice/cri-containerd-{ID}.scope": IN_POD,
    f"/kubepods.slice/kubepods-pod{SLICE}.slice/cri-containerd-{ID}.scope": IN_POD,
    f"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{SLICE}.slice/crio-{ID}.scope": IN_POD,
    f"/kubepods.slice/kubepods-pod{SLICE}.slice/crio-{ID}.scope/container": IN_POD,
    f"/kubepods.slice/kubepods-pod{SLICE}.slice/docker-{ID}.scope": IN_POD,
    f"/kubepods.slice/kubepods-pod{SLICE}.slice/cri-containerd-{ID}.scope/init.scope": IN_POD,
    f"/kubepods.slice/kubepods-pod{SLICE}.slice/cri-containerd-{ID}.scope (deleted)": IN_POD,
    f"/kubepods.slice/kubepods-pod{SLICE}.slice/crio-conmon-{ID}.scope": Cgroup(kind="kubernetes", pod=POD),
    f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{STATIC}.slice/cri-containerd-{ID}.scope": Cgroup(
        kind="kubernetes", pod=STATIC, container=ID
    ),
    # cgroupfs driver
    f"/kubepods/burstable/pod{POD}/{ID}": IN_POD,
    f"/kubepods/pod{POD}/{ID}": IN_POD,
    f"/kubepods/pod{POD}/crio-{ID}": IN_POD,
    f"/kubepods/besteffort/pod{POD}": Cgroup(kind="kubernetes", pod=POD),
    # cgroupRoot of the kubelet, containerd with the other driver
    "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/"
    f"kubelet-kubepods-burstable-pod{SLICE}.slice/cri-containerd-{ID}.scope": IN_POD,
    f"/kubelet/kubepods/burstable/pod{POD}/{ID}": IN_POD,
    f"/system.slice/containerd.service/kubepods-burstable-pod{SLICE}.slice:cri-containerd:{ID}": IN_POD,
    # the agent in a cgroup namespace of its own
    f"/../../kubepods-burstable-pod{SLICE}.slice/cri-containerd-{ID}.scope": IN_POD,
    f"/../../../kubepods-besteffort.slice/kubepods-besteffort-pod{SLICE}.slice/cri-containerd-{ID}.scope": IN_POD,
    f"/../../../../kubepods.slice/kubepods-pod{SLICE}.slice/crio-{ID}.scope": IN_POD,
    f"/../../pod{POD}/{ID}": IN_POD,
    f"/../cri-containerd-{ID}.scope": Cgroup(kind="kubernetes", container=ID),
    "/../../../../user.slice/user-1000.slice/session-2.scope": Cgroup(kind="user", user=1000, unit="session-2.scope"),
    # Slurm
    "/slurm/uid_1000/job_211/step_0/task_3": Cgroup(kind="slurm", job="211", step="0", user=1000),
    "/slurm_gpu01/uid_1000/job_211": Cgroup(kind="slurm", job="211", user=1000),
    "/system.slice/slurmstepd.scope/job_211/step_interactive/user/task_0": Cgroup(
        kind="slurm", job="211", step="interactive"
    ),
    "/system.slice/gpu01_slurmstepd.scope/job_9/step_batch/slurm": Cgroup(kind="slurm", job="9", step="batch"),
    "/system.slice/slurmstepd.scope/job_7/step_extern/user/task_special": Cgroup(kind="slurm", job="7", step="extern"),
    # containers without a scheduler
    f"/docker/{ID}": Cgroup(kind="docker", container=ID),
    f"/system.slice/docker-{ID}.scope": Cgroup(kind="docker", container=ID),
    f"/machine.slice/libpod-{ID}.scope/container": Cgroup(kind="podman", container=ID),
    f"/machine.slice/machine-libpod_pod_{OTHER}.slice/libpod-{ID}.scope": Cgroup(kind="podman", container=ID),
    f"/libpod_parent/libpod-{ID}": Cgroup(kind="podman", container=ID),
    f"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{ID}.scope/container": Cgroup(
        kind="podman", container=ID, user=1000
    ),
    f"/system.slice/nerdctl-{ID}.scope": Cgroup(kind="containerd", container=ID),
    f"/default/{ID}": Cgroup(kind="containerd", container=ID),
    "/lxc.payload.web1/init.scope": Cgroup(kind="lxc", machine="web1"),
    "/lxc/101/ns/user.slice": Cgroup(kind="lxc", machine="101"),
    "/machine.slice/machine-db.scope/payload": Cgroup(kind="nspawn", machine="db"),
    "/machine.slice/systemd-nspawn@db.service/payload": Cgroup(kind="nspawn", machine="db"),
    "/machine.slice/machine-qemu\\x2d1\\x2dvm.scope": Cgroup(kind="libvirt", machine="1\\x2dvm"),
    # the host itself
    "/user.slice/user-1001.slice/session-3.scope": Cgroup(kind="user", user=1001, unit="session-3.scope"),
    "/user.slice/user-1000.slice/user@1000.service/app.slice/x.service": USER,
    "/system.slice/ollama.service": Cgroup(kind="systemd", unit="ollama.service"),
    "/system.slice/system-vllm.slice/vllm@0.service": Cgroup(kind="systemd", unit="vllm@0.service"),
    "/system.slice/x.service/libpod-payload-9f2": Cgroup(kind="systemd", unit="x.service"),
    "/ml.slice/train.service": Cgroup(kind="systemd", unit="ml.slice/train.service"),
    "/init.scope": Cgroup(kind="systemd", unit="init.scope"),
    "/": HOST,
    "/process_api/bfb7eeaf": HOST,
}

FORGERIES = {
    f"/user.slice/user-1000.slice/user@1000.service/kubepods.slice/kubepods-pod{SLICE}.slice/crio-{ID}.scope": USER,
    "/user.slice/user-1000.slice/user@1000.service/system.slice/slurmstepd.scope/job_5/step_0": USER,
    f"/user.slice/user-1000.slice/user@1001.service/user.slice/libpod-{ID}.scope": Cgroup(
        kind="user", user=1000, unit="user@1001.service"
    ),
    f"/docker/{ID}/slurm/uid_0/job_123": Cgroup(kind="docker", container=ID),
    f"/docker/{ID}/kubelet/kubepods/burstable/pod{POD}/{OTHER}": Cgroup(kind="docker", container=ID),
    f"/system.slice/docker-{ID}.scope/kubepods/pod{POD}/{OTHER}": Cgroup(kind="docker", container=ID),
    f"/kubepods.slice/kubepods-pod{SLICE}.slice/crio-{ID}.scope/system.slice/slurmstepd.scope/job_5": IN_POD,
    f"/kubepods/pod{POD}/{ID}/kubepods/pod{'0' * 8}-0000-0000-0000-{'0' * 12}/{OTHER}": IN_POD,
    f"/slurm/uid_1000/job_211/step_0/task_3/kubepods/pod{POD}/{ID}": Cgroup(
        kind="slurm", job="211", step="0", user=1000
    ),
    # what Python takes for the end of a line, and the kernel does not
    f"/user.slice/user-1000.slice/user@1000.service/x\v0::/kubepods/pod{POD}/{ID}": USER,
    f"/user.slice/user-1000.slice/user@1000.service/x\r0::/kubepods/pod{POD}/{ID}": USER,
    "/user.slice/user-1000.slice/user@1000.service/x\x850::/slurm/uid_0/job_123": USER,
    # a slice that was delegated, a root that the kubelet does not have
    f"/delegated.slice/kubepods-pod{SLICE}.slice/cri-containerd-{ID}.scope": Cgroup(
        kind="systemd", unit="delegated.slice"
    ),
    f"/delegated.slice/delegated-kubepods.slice/delegated-kubepods-pod{SLICE}.slice/crio-{ID}.scope": Cgroup(
        kind="systemd", unit="delegated.slice"
    ),
    f"/foo.slice/pod{POD}/{ID}": Cgroup(kind="systemd", unit="foo.slice"),
    f"/foo/kubepods/pod{POD}/{ID}": HOST,
    f"/pod{POD}/{ID}": HOST,
    f"/cri-containerd-{ID}.scope": HOST,
    "/mine/slurm/uid_0/job_123": HOST,
    "/slurm/job_123": HOST,
    "/system.slice/x.service/slurmstepd.scope/job_5": Cgroup(kind="systemd", unit="x.service"),
    # no whole identifier: the pod's folder is the kubelet's, what it is called below is not
    f"/kubepods/burstable/pod{POD}/{ID}x": Cgroup(kind="kubernetes", pod=POD),
    f"/kubepods/burstable/pod{POD}x/{ID}": HOST,
    f"/kubepods.slice/kubepods-pod{SLICE}.slicex/crio-{ID}.scope": HOST,
    f"/kubepods.slice/kubepods-burstable.slice/kubepods-pod{SLICE}.slice/crio-{ID}.scope": HOST,
    f"/docker/{ID}x": HOST,
    f"/../cri-containerd-{ID}.scopex": HOST,
    f"/../x/cri-containerd-{ID}.scope": HOST,
    "/slurm/uid_1000/job_123x": HOST,
}


@pytest.mark.parametrize("path", PATHS)
def test_each_runtime_is_known(path: str) -> None:
    assert parse(f"0::{path}\n") == PATHS[path]


@pytest.mark.parametrize("path", FORGERIES)
def test_nobody_is_billed_by_a_name(path: str) -> None:
    assert parse(f"0::{path}\n") == FORGERIES[path]


def test_version_1_has_a_line_per_controller_and_the_most_specific_counts() -> None:
    text = f"12:devices:/kubepods/pod{POD}/{ID}\n11:cpu,cpuacct:/system.slice/x.service\n1:name=systemd:/\n0::/\n"

    assert parse(text) == IN_POD


def test_a_login_that_slurm_adopted_is_the_jobs() -> None:
    text = "9:name=systemd:/user.slice/user-1000.slice/session-4.scope\n4:memory:/slurm/uid_1000/job_77/step_extern\n"

    assert parse(text) == Cgroup(kind="slurm", job="77", step="extern", user=1000)


def test_a_kubelet_with_another_root_is_known_when_told() -> None:
    path = f"/ml.slice/ml-kubepods.slice/ml-kubepods-pod{SLICE}.slice/crio-{ID}.scope"

    assert classify(path, ("", "ml")) == IN_POD
    assert classify(path).kind == "systemd"


def test_lines_that_are_none_say_nothing() -> None:
    assert parse("") == HOST
    assert parse("nonsense\n") == HOST


names = st.text(st.characters(codec="utf-8", exclude_characters="/\n\0"), min_size=1, max_size=40)
outer = (names | st.sampled_from(["0::", "x\v0::", "user.slice"])).filter(lambda n: n not in {".", "..", "kubelet"})
inner = st.sampled_from(
    [path for path, is_ in PATHS.items() if is_.kind in {"kubernetes", "slurm"} and ".." not in path]
)


@given(st.lists(outer, min_size=1, max_size=3), inner)
def test_below_a_folder_that_no_root_is_nothing_is_of_a_scheduler(folders: list[str], path: str) -> None:
    found = parse("0::/" + "/".join(folders) + path)

    assert found.kind not in {"kubernetes", "slurm"}
    assert (found.pod, found.job) == ("", "")


@given(inner, st.lists(names, min_size=1, max_size=3), inner)
def test_below_a_job_or_pod_all_is_its_own(path: str, folders: list[str], forged: str) -> None:
    whose = PATHS[path]
    found = classify(path.removesuffix(" (deleted)") + "/" + "/".join(folders) + forged.replace(POD, "f" * 32))

    assert (found.kind, found.pod, found.job) == (whose.kind, whose.pod, whose.job)


@pytest.fixture
def unified() -> Iterator[Path]:
    """A folder in the machine's own cgroup tree of version 2."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text("utf-8").splitlines()]
    roots = [Path(mount[1]) for mount in mounts if mount[2] == "cgroup2"]
    if not roots or not os.access(roots[0], os.W_OK):
        pytest.skip("no cgroup tree of version 2 that may be written")
    top = roots[0] / f"chipledger-test-{os.getpid()}"
    folder = top / "kubepods" / f"pod{POD}"
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        pytest.skip(f"no cgroup can be made here: {error}")
    yield folder
    for made in (folder, folder.parent, top):
        made.rmdir()


def test_a_forged_folder_in_the_kernels_own_tree_is_not_a_pod(unified: Path) -> None:
    process = subprocess.Popen(["sleep", "60"])
    try:
        (unified / "cgroup.procs").write_text(str(process.pid), "ascii")
        text = Path(f"/proc/{process.pid}/cgroup").read_text("utf-8")
    finally:
        process.kill()
        process.wait()

    assert f"/kubepods/pod{POD}" in text
    assert parse(text).kind not in {"kubernetes", "slurm"}
