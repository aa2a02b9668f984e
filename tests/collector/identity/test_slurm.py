"""Jobs as Slurm's commands print them, of several releases, and what a user may have written into them."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from collector.identity.enquiry import Unanswered
from collector.identity.slurm import Gres, Job, gres, scontrol_job, squeue_jobs
from collector.identity.squeue import Squeue

DATA = Path(__file__).parents[2] / "data/slurm"


def text(name: str) -> str:
    return (DATA / name).read_text("utf-8")


def jobs(name: str) -> dict[str, Job]:
    return {job.number: job for job in squeue_jobs((DATA / name).read_bytes(), "cn002")}


def test_squeue_since_23_11() -> None:
    found = jobs("squeue-24.05.json")

    assert found["211"] == Job(
        number="211",
        id="211",
        user="alice",
        account="ml",
        partition="gpu",
        qos="normal",
        start_ms=1_763_978_400_000,
        gres=(Gres("gpu", "a100", (0, 2, 3)),),
    )
    assert {number: job.id for number, job in found.items()} == {
        "211": "211",
        "1240": "1234_7",
        "1301": "1300+1",
        "1400": "1400",
    }
    assert (found["1240"].user, found["1240"].account) == ("bob", "bio")
    assert found["1301"].gres == (Gres("shard", "a100", (0,)),)
    assert found["1400"].gres == ()


def test_squeue_before_it() -> None:
    found = jobs("squeue-22.05.json")

    assert {number: (job.id, job.gres) for number, job in found.items()} == {
        "211": ("211", (Gres("gpu", "a100", (0, 2, 3)),)),
        "1240": ("1234_7", (Gres("gpu", "a100", (1,)),)),
        "1301": ("1301", (Gres("gpu", "", (2,)),)),
    }
    assert found["211"].start_ms == 1_663_978_400_000


@pytest.mark.parametrize("output", [b"", b"{", b"[]", b'{"jobs": 3}', b'{"jobs": [7]}', b'{"errors": []}'])
def test_what_is_no_answer_of_squeue(output: bytes) -> None:
    with pytest.raises(Unanswered, match="not understood"):
        squeue_jobs(output, "cn002")


def test_scontrol() -> None:
    assert scontrol_job(text("scontrol-211.txt"), "cn002") == Job(
        number="211",
        id="211",
        user="alice",
        account="ml",
        partition="gpu",
        qos="normal",
        gres=(Gres("gpu", "a100", (0, 2, 3)),),
    )
    assert scontrol_job(text("scontrol-211.txt"), "cn001").gres == (Gres("gpu", "a100", (0, 1)),)
    assert scontrol_job(text("scontrol-211.txt"), "cn003").gres == ()


def test_a_name_or_comment_is_nobody_elses_account() -> None:
    assert scontrol_job(text("scontrol-1240.txt"), "cn002") == Job(
        number="1240",
        id="1234_7",
        user="bob",
        partition="short",
        holds=False,
        gres=(Gres("gpu", "a100", (1,)),),
    )


def test_a_comment_holds_no_device() -> None:
    comment = "   Comment=x\n     Nodes=cn004 CPU_IDs=0 Mem=0 GRES=gpu:8(IDX:0-7)\n"

    assert scontrol_job(text("scontrol-211.txt") + comment, "cn004").gres == ()


@pytest.mark.parametrize(
    "line",
    ["   UserId=root(0) GroupId=root(0)", "   Priority=1 Nice=0 Account=rich QOS=high", "   Socks/Node=* CoreSpec=*"],
)
def test_a_name_with_lines_of_its_own_spoils_the_answer(line: str) -> None:
    forged = text("scontrol-211.txt").replace("JobName=train", f"JobName=train\n{line}", 1)

    with pytest.raises(Unanswered, match="is there twice"):
        scontrol_job(forged, "cn002")


def test_what_is_no_answer_of_scontrol() -> None:
    with pytest.raises(Unanswered, match="not understood"):
        scontrol_job("No jobs in the system\n", "cn002")


def test_devices() -> None:
    assert gres("gpu:a100:2(IDX:0-1),gpu:v100:1(IDX:4),nic:1") == (
        Gres("gpu", "a100", (0, 1)),
        Gres("gpu", "v100", (4,)),
    )
    assert gres("gpu:l40s:3(IDX:0,2-3)") == (Gres("gpu", "l40s", (0, 2, 3)),)
    assert gres("gpu:1g.10gb:1(IDX:3)") == (Gres("gpu", "1g.10gb", (3,)),)
    assert gres("gpu:0(IDX:N/A)") == ()
    assert gres("") == ()


def program(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    (folder / name).chmod(0o755)


def test_squeue_is_asked_for_this_node(tmp_path: Path) -> None:
    program(tmp_path, "squeue", f'[ "$*" = "-w cn002 --json" ] && cat {DATA}/squeue-24.05.json')

    assert [job.number for job in Squeue("cn002", tmp_path).jobs()] == ["211", "1240", "1301", "1400"]


def test_without_json_jobs_are_asked_for_one_by_one(tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    program(
        tmp_path,
        "squeue",
        f'echo "$*" >>{asked}; case "$*" in *--json*) echo "squeue: error: cannot find serializer plugin for '
        'application/json" >&2; exit 1;; esac; printf "211\\n1240\\n999\\n"',
    )
    program(
        tmp_path,
        "scontrol",
        f'[ "$4" = 999 ] && {{ echo "slurm_load_jobs error: Invalid job id specified" >&2; exit 1; }}; '
        f'[ "$1 $2 $3" = "show job -d" ] && cat {DATA}/scontrol-$4.txt',
    )
    squeue = Squeue("cn002", tmp_path)

    assert [job.id for job in squeue.jobs()] == ["211", "1234_7"]
    assert [job.id for job in squeue.jobs()] == ["211", "1234_7"]
    assert asked.read_text("utf-8").count("--json") == 1


def test_a_controller_that_is_away(tmp_path: Path) -> None:
    program(tmp_path, "squeue", "echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1")

    with pytest.raises(Unanswered, match="squeue: slurm_load_jobs error: Unable to contact slurm controller"):
        Squeue("cn002", tmp_path).jobs()


def test_no_slurm(tmp_path: Path) -> None:
    squeue = Squeue("cn002", tmp_path)

    assert not squeue.is_there()
    with pytest.raises(Unanswered, match="not found"):
        squeue.jobs()


FORKS = r"""
#include <pthread.h>
static int forks;
static void counted(void) { forks++; }
__attribute__((constructor)) static void begin(void) { pthread_atfork(counted, 0, 0); }
int fork_count(void) { return forks; }
"""


def test_asking_squeue_forks_nothing_that_a_driver_would_notice(tmp_path: Path) -> None:
    # What a library registers for fork(2) is not run by vfork(2), which shares all memory and only waits for exec: the
    # way in which CPython starts a program. NVML would not survive the other.
    if shutil.which("cc") is None:
        pytest.skip("no C compiler (cc)")
    (tmp_path / "forks.c").write_text(FORKS)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", tmp_path / "forks.so", tmp_path / "forks.c"], check=True)
    library = ctypes.CDLL(str(tmp_path / "forks.so"))
    (tmp_path / "squeue").write_text("#!/bin/sh\necho '{\"jobs\": []}'\n")
    (tmp_path / "squeue").chmod(0o755)

    assert Squeue("cn002", tmp_path).jobs() == []
    assert library.fork_count() == 0

    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
    assert library.fork_count() == 1
