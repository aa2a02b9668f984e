"""Files of a prolog: whom they name, and whom they are believed from."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from collector.identity.prolog import Entry, entries

ME = os.getuid()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "jobs"
    made.mkdir(mode=0o755)
    return made


def write(folder: Path, name: str, text: str, mode: int = 0o644) -> Path:
    file = folder / name
    file.write_text(text, "ascii")
    file.chmod(mode)
    os.utime(file, ns=(0, 1_800_000_000_000 * 10**6))
    return file


def test_a_file_names_the_jobs_of_its_device(folder: Path) -> None:
    write(folder, "GPU-1", "211 1000\n")
    write(folder, "3", "5 1000\n6 1001\n")

    assert entries(folder, ME) == (
        [
            Entry("3", "5", 1000, 1_800_000_000_000, False),
            Entry("3", "6", 1001, 1_800_000_000_000, False),
            Entry("GPU-1", "211", 1000, 1_800_000_000_000, True),
        ],
        [],
    )


def test_no_folder_tells_nothing(tmp_path: Path) -> None:
    assert entries(tmp_path / "none", ME) == (None, [])


def test_an_empty_folder_tells_that_there_is_no_job(folder: Path) -> None:
    assert entries(folder, ME) == ([], [])


def test_what_others_may_write_is_not_believed(folder: Path) -> None:
    write(folder, "0", "211 1000\n", 0o666)
    (folder / "1").symlink_to(write(folder, "2", "7 1000\n"))

    told, wrong = entries(folder, ME)

    assert told is not None
    assert [entry.device for entry in told] == ["2"]
    assert [text.rpartition(":")[2] for text in wrong] == [f" others than user {ME} may write it"] * 2


def test_a_folder_that_others_may_write_is_not_believed(folder: Path) -> None:
    write(folder, "0", "211 1000\n")
    folder.chmod(0o777)

    assert entries(folder, ME) == (None, [f"{folder}: others than user {ME} may write it"])
    folder.chmod(0o755)
    assert entries(folder, ME + 1) == (None, [f"{folder}: others than user {ME + 1} may write it"])


@pytest.mark.parametrize("text", ["211\n", "211 alice\n", "211 1000 x\n", "-1 1000\n"])
def test_a_line_of_another_form_is_said(folder: Path, text: str) -> None:
    write(folder, "0", text)

    assert entries(folder, ME) == ([], [f"{folder}/0: a line is not `jobid uid`"])
