"""What Slurm says of one job, in several kinds, from import to check."""

from __future__ import annotations

from tests.cli.conftest import Shell

HEAD = "JobID|Start|End|State|AllocTRES\n"
SPAN = "2025-01-01T00:00:00|2025-01-01T02:00:00|COMPLETED"


def bring(shell: Shell, name: str, rows: str) -> None:
    (shell.folder / name).write_text(HEAD + rows)
    (shell.folder / "sacct.toml").write_text('format = "sacct"\n')
    done = shell("import", "jobs", name, "--mapping", "sacct.toml")
    assert done.returncode == 0, done.stderr


def hours(shell: Shell) -> str:
    done = shell("run")
    assert done.returncode == 3, done.stderr
    text = "SELECT accelerator, SUM(device_seconds) / 3600 AS h FROM usage GROUP BY accelerator ORDER BY accelerator"
    return shell("query", text, "--format", "csv").stdout.replace("\r", "")


def test_a_job_of_several_kinds(empty: Shell) -> None:
    bring(
        empty,
        "first.txt",
        f"1|{SPAN}|gres/gpu=4,gres/gpu:a100=2\n2|{SPAN}|gres/gpu:a100_3g.20gb=1,gres/gpu:a100_1g.5gb=1\n",
    )
    assert hours(empty).splitlines()[1:] == ["A100-40GB,5.285713889", "gpu,4.000000000"]


def test_a_later_export_of_a_job_replaces_all_its_kinds(empty: Shell) -> None:
    bring(empty, "first.txt", f"1|{SPAN}|gres/gpu=4,gres/gpu:a100=2\n")
    bring(empty, "second.txt", f"1|{SPAN}|gres/gpu=4,gres/gpu:a100=4\n")
    assert "gpu," not in hours(empty)
