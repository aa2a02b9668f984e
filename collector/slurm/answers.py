"""What surrounds the rows in the JSON of Slurm's commands."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from msgspec import Struct, field

from collector.central.findings import Unanswered
from collector.slurm.jobs import Queued, Recorded
from collector.slurm.nodes import Listed


class _Plugin(Struct):
    data_parser: str = ""


class _Release(Struct):
    release: str = ""


class _Meta(Struct):
    """23.02 has `plugins` and `Slurm` where later releases have `plugin` and `slurm`."""

    plugin: _Plugin = field(default_factory=_Plugin)
    plugins: _Plugin = field(default_factory=_Plugin)
    slurm: _Release = field(default_factory=_Release)
    older: _Release = field(name="Slurm", default_factory=_Release)


class Answer(Struct, kw_only=True):
    """What every answer has."""

    meta: _Meta = field(default_factory=_Meta)
    errors: list[Any] = []

    @property
    def parser(self) -> str:
        """Such as `v0.0.41`; '' in releases before 23.02, which write something else in places."""
        return (self.meta.plugin.data_parser or self.meta.plugins.data_parser).rpartition("/")[2]

    @property
    def release(self) -> str:
        """Such as `24.05.4`; '' where it is not told."""
        return self.meta.slurm.release or self.meta.older.release


class Records(Answer, kw_only=True):
    """Of `sacct --json`."""

    jobs: list[Recorded]


class Queue(Answer, kw_only=True):
    """Of `squeue --json`."""

    jobs: list[Queued]


class Nodes(Answer, kw_only=True):
    """Of `scontrol show nodes --json`."""

    nodes: list[Listed]


A = TypeVar("A", bound=Answer)


def decoded(kind: type[A], name: str, output: bytes) -> A:
    """The answer of the command `name`; raises `Unanswered` where it is none, or tells an error."""
    try:
        found = msgspec.json.decode(output, type=kind)
    except msgspec.DecodeError as error:
        raise Unanswered(f"{name} --json: not understood: {error}") from error
    if found.errors:
        raise Unanswered(f"{name}: {_told(found.errors[0])}")
    return found


def _told(error: Any) -> str:  # noqa: ANN401 - whatever JSON has there
    said = error.get("description") or error.get("error") if isinstance(error, dict) else error
    return str(said or error).partition("\n")[0]
