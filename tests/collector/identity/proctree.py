"""Trees as /proc has them: real files, with what the kernel writes."""

from __future__ import annotations

from pathlib import Path

BOOT = "5b2f9c6e-8a51-4f0e-9d6c-0c6b6f1c2a11"


def boot(proc: Path, boot_id: str = BOOT) -> Path:
    (proc / "sys/kernel/random").mkdir(parents=True)
    (proc / "sys/kernel/random/boot_id").write_text(boot_id + "\n", "ascii")
    return proc


def process(
    proc: Path,
    pid: int,
    cgroup: str,
    *,
    uid: int = 0,
    start: int = 4_200,
    comm: str = "python3",
    environ: dict[str, str] | None = None,
) -> None:
    """Writes a process; `cgroup` is a path of version 2 or the whole text, `start` in ticks of 1/100 s."""
    folder = proc / str(pid)
    folder.mkdir(exist_ok=True)
    stat = f"{pid} ({comm}) S 1 {pid} {pid} 0 -1 4194560 1200 0 0 0 12 3 0 0 20 0 8 0 {start} 2200000 900 "
    (folder / "stat").write_bytes(stat.encode() + b"18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0\n")
    status = f"Name:\t{comm}\nUmask:\t0022\nState:\tS (sleeping)\nPid:\t{pid}\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\n"
    (folder / "status").write_bytes(status.encode())
    text = cgroup if ":" in cgroup and not cgroup.startswith("/") else f"0::{cgroup}\n"
    (folder / "cgroup").write_bytes(text.encode())
    (folder / "environ").write_bytes(b"".join(f"{k}={v}\0".encode() for k, v in (environ or {}).items()))


def end(proc: Path, pid: int) -> None:
    for file in (proc / str(pid)).iterdir():
        file.unlink()
    (proc / str(pid)).rmdir()
