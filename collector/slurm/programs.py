"""Running Slurm's commands."""

from __future__ import annotations

import shutil
from typing import NamedTuple

from msgspec import Struct


class Failed(Exception):
    """A command is not there or gave no answer in time: one line."""


class Ran(NamedTuple):
    """How a command ended, and what it wrote."""

    code: int
    output: bytes
    errors: bytes

    @property
    def complaint(self) -> str:
        """The first line of what it wrote of errors."""
        line = self.errors.decode("utf-8", "replace").strip().partition("\n")[0]
        return line or f"exit {self.code}"

    @property
    def lacks_json(self) -> bool:
        """Whether it failed because this Slurm was built without JSON, or is older than it."""
        said = self.errors.lower()
        return self.code != 0 and any(word in said for word in (b"json", b"serializer", b"data_parser"))


class Programs(Struct, frozen=True, kw_only=True):
    """Slurm's commands in `folder` (None: on the search path); `setting` is of the shell, before each of them."""

    folder: str | None = None
    timeout_s: float = 20
    setting: str = ""

    def find(self, name: str) -> str | None:
        """The path of a command; None: it is not there."""
        return shutil.which(name, path=self.folder)

    def run(self, name: str, *words: str) -> Ran:
        """Raises `Failed`."""
        import subprocess  # only where Slurm is: it is not small

        program = self.find(name)
        if program is None:
            raise Failed(f"{name}: not found")
        try:
            # By a shell: starting a program waits, and all threads with it, until the program is read from its disk,
            # which for Slurm is often a network's. The shell is this node's.
            through = ["/bin/sh", "-c", f'{self.setting}exec "$0" "$@"', program, *words]
            done = subprocess.run(through, capture_output=True, timeout=self.timeout_s, check=False)
        except subprocess.TimeoutExpired as error:
            raise Failed(f"{name}: no answer within {self.timeout_s:g} s") from error
        except OSError as error:
            raise Failed(f"{name}: {error.strerror or error}") from error
        return Ran(done.returncode, done.stdout, done.stderr)
