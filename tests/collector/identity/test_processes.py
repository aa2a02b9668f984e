"""What is said of a process, over its end and over the end of its pid."""

from __future__ import annotations

import os
import pwd
import time
from pathlib import Path
from threading import Event, Thread

import pytest

from collector.identity import processes
from collector.identity.config import Environment, Keys
from collector.identity.processes import Key, Processes
from collector.identity.users import Users
from collector.source import Instant
from tests.collector.identity.proctree import BOOT, boot, end, process

ID = "c" * 64
AT = Instant(boot_ns=100 * 10**9, wall_ms=1_800_000_000_000)


def later(seconds: float) -> Instant:
    return Instant(boot_ns=AT.boot_ns + int(seconds * 1e9), wall_ms=AT.wall_ms + int(seconds * 1000))


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    return boot(tmp_path / "proc")


def table(proc: Path, environment: Keys | None = None) -> Processes:
    return Processes(proc, environment or Environment(), Users())


def test_a_process_is_read(proc: Path) -> None:
    process(proc, 77, f"/docker/{ID}", uid=0, start=4_200)

    found = table(proc).find(77, AT)

    assert found is not None
    assert found.key == Key(BOOT, 77, 4_200)
    assert (found.cgroup.kind, found.cgroup.container, found.user) == ("docker", ID, "root")
    # 42 s after the boot, which was 100 s ago
    assert found.started_ms == AT.wall_ms - 58_000


def test_the_start_does_not_move_with_the_clock(proc: Path) -> None:
    process(proc, 77, "/")
    known = table(proc)
    first = known.find(77, AT)

    assert known.find(77, Instant(boot_ns=AT.boot_ns + 10**9, wall_ms=AT.wall_ms + 3_600_000)) is first


def test_a_pid_that_is_used_again_is_another_process(proc: Path) -> None:
    known = table(proc)
    process(proc, 77, f"/docker/{ID}", start=4_200)
    known.find(77, AT)
    process(proc, 77, "/system.slice/x.service", start=5_000)

    found = known.find(77, later(1))

    assert found is not None
    assert (found.key.start, found.cgroup.kind) == (5_000, "systemd")


def test_a_process_that_moved_is_where_it_is_now(proc: Path) -> None:
    known = table(proc)
    process(proc, 77, "/user.slice/user-0.slice/session-1.scope")
    known.find(77, AT)
    process(proc, 77, "/slurm/uid_0/job_5/step_extern")

    found = known.find(77, later(1))

    assert found is not None
    assert found.cgroup.job == "5"


def test_a_process_that_is_gone_is_known_for_a_while(proc: Path) -> None:
    known = table(proc)
    process(proc, 77, f"/docker/{ID}")
    first = known.find(77, AT)
    end(proc, 77)

    assert known.find(77, later(200)) is first
    assert known.find(77, later(301)) is None
    assert known.find(78, AT) is None


def test_the_table_is_bounded(proc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "MOST", 2)
    known = table(proc)
    for pid in (1, 2, 3):
        process(proc, pid, "/")
        known.find(pid, AT)
        end(proc, pid)

    assert [known.find(pid, AT) is not None for pid in (1, 2, 3)] == [False, True, True]


def test_names_of_processes_forge_nothing(proc: Path) -> None:
    process(proc, 77, "/", comm="x) S 1 (y", uid=1234567, start=9)
    process(proc, 78, "/", comm="x\rUid:\t0", uid=1234567)
    process(proc, 79, f"/user.slice/user-0.slice/x\r0::/docker/{ID}", uid=0)

    first, second, third = (table(proc).find(pid, AT) for pid in (77, 78, 79))

    assert first is not None
    assert first.key.start == 9
    assert second is not None
    assert second.uid == 1234567
    assert third is not None
    assert third.cgroup.kind == "user"


def test_a_pid_that_changes_hands_while_it_is_read_is_nobodys(proc: Path) -> None:
    process(proc, 77, "/", start=1)
    (proc / "77/cgroup").unlink()
    os.mkfifo(proc / "77/cgroup")

    def change_hands() -> None:
        with (proc / "77/cgroup").open("w") as file:
            stat = proc / "77/stat"
            stat.write_text(stat.read_text("ascii").replace(" 8 0 1 ", " 8 0 2 "), "ascii")
            file.write(f"0::/docker/{ID}\n")

    thread = Thread(target=change_hands)
    thread.start()

    assert table(proc).find(77, AT) is None
    thread.join()


def test_a_directory_service_that_hangs_is_waited_for_once() -> None:
    release = Event()

    def look_up(uid: int) -> str:
        release.wait(10)
        return f"name{uid}"

    users = Users(look_up)
    began = time.monotonic()

    assert [users.name(uid) for uid in (1, 2, 3, 1)] == ["1", "2", "3", "1"]
    assert time.monotonic() - began < 0.7
    release.set()
    for _ in range(500):
        if users.name(3) == "name3":
            return
        time.sleep(0.01)
    raise AssertionError("the name did not come")


def test_a_user_without_a_name_is_its_number(proc: Path) -> None:
    process(proc, 77, "/", uid=1234567)

    found = table(proc).find(77, AT)

    assert found is not None
    assert found.user == "1234567"


def test_sudo_does_not_make_root_pay(proc: Path) -> None:
    process(proc, 77, "/user.slice/user-1234567.slice/session-2.scope", uid=0)

    found = table(proc).find(77, AT)

    assert found is not None
    assert (found.uid, found.user) == (0, "1234567")


def test_hints_are_only_those_asked_for(proc: Path) -> None:
    process(proc, 77, "/", environ={"TEAM": "search", "MODEL": "m" * 500, "SECRET": "x", "MODEL_NAME": "no"})
    process(proc, 78, "/", environ={"SLURM_JOB_ACCOUNT": "ml", "MODEL": "bad\x1b[0m"})

    known, silent = table(proc), table(proc, Keys())

    first, second, none = known.find(77, AT), known.find(78, AT), silent.find(77, AT)
    assert first is not None
    assert first.hints == {"team": "search", "model": "m" * 128}
    assert second is not None
    assert second.hints == {"team": "ml"}
    assert none is not None
    assert none.hints == {}


def test_this_process_in_the_kernels_own_proc() -> None:
    at = Instant(boot_ns=time.clock_gettime_ns(time.CLOCK_BOOTTIME), wall_ms=time.time_ns() // 10**6)

    found = table(Path("/proc")).find(os.getpid(), at)

    assert found is not None
    assert found.user == pwd.getpwuid(os.getuid()).pw_name
    assert 0 <= at.wall_ms - found.started_ms < 3_600_000
    assert table(Path("/proc")).find(2**22 + 1, at) is None


@pytest.mark.parametrize("file", ["stat", "status"])
def test_a_process_whose_files_say_nothing_is_gone(proc: Path, file: str) -> None:
    process(proc, 77, f"/docker/{ID}")
    (proc / "77" / file).write_text("")
    found = table(proc)
    assert (found.find(77, AT), found.lost) == (None, 1)


def test_a_file_that_cannot_be_read_is_counted(proc: Path) -> None:
    process(proc, 77, f"/docker/{ID}")
    (proc / "77/cgroup").unlink()
    (proc / "77/cgroup").mkdir()
    found = table(proc)
    assert (found.find(77, AT), found.refused) == (None, 1)


def test_a_name_that_is_no_text_can_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = pwd.struct_passwd(("m\udcfcller", "x", 4242, 4242, "", "/", "/bin/sh"))
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: entry)
    assert Users().name(4242).encode() == b"m?ller"
