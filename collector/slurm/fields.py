"""Fields as Slurm's releases write them, in JSON and in text."""

from __future__ import annotations

import re
from typing import Any


def number(value: Any) -> int | None:  # noqa: ANN401 - whatever JSON has there
    """A number, which newer releases write as {set, infinite, number}; None: not set."""
    if isinstance(value, dict):
        return value["number"] if value.get("set") and not value.get("infinite") else None
    return value if isinstance(value, int) else None


def states(value: Any) -> list[str]:  # noqa: ANN401 - whatever JSON has there
    """States of a job or node: a list, or in older releases a text; the base state is the first."""
    return [str(state).upper() for state in (value if isinstance(value, list) else str(value or "").split(","))]


def job_id(number_: str, array: tuple[Any, Any], het: tuple[Any, Any]) -> str:
    """A job's id as sacct shows it: `1234`, `1234_7` (array job and task), `1234+1` (het job and offset)."""
    job, task = number(array[0]), number(array[1])
    if job and task is not None:
        return f"{job}_{task}"
    leader, offset = number(het[0]), number(het[1])
    return f"{leader}+{offset}" if leader and offset is not None else number_


def tasks(text: str) -> list[int]:
    """The tasks of `8-10,12%4`, `0-12:2` or, as slurmdbd stores them, `0x700`; none of ''.

    Of an array that at most so many tasks of may run (`%4`), the first so many are told: the others do not wait for
    devices. The part that Slurm itself cut off (`...`) is not known.
    """
    listed, _, limit = text.partition("%")
    if listed.startswith("0x"):
        mask = int(listed, 16)
        found = [task for task in range(mask.bit_length()) if mask >> task & 1]
    else:
        found = [task for piece in listed.split(",") for task in _stepped(piece)]
    return found[: int(limit)] if limit.isdecimal() and int(limit) else found


def _stepped(piece: str) -> range:
    match = re.fullmatch(r"(\d+)(?:-(\d+))?(?::(\d+))?", piece.strip())
    if match is None:
        return range(0)
    first, last, step = int(match[1]), int(match[2] or match[1]), int(match[3] or 1)
    return range(first, last + 1, max(1, step))


def hosts(text: str) -> list[str]:
    """Names of a host list such as `cn[001-003,007],login1`; several brackets in one name are as well."""
    parts = re.findall(r"(?:[^,\[\]]|\[[^\]]*\])+", text)
    return [name for part in parts for name in _expanded(part)]


def _expanded(part: str) -> list[str]:
    before, bracket, rest = part.partition("[")
    if not bracket:
        return [part]
    inside, _, after = rest.partition("]")
    tails = _expanded(after)
    return [before + digits + tail for piece in inside.split(",") for digits in _padded(piece) for tail in tails]


def _padded(piece: str) -> list[str]:
    first, dash, last = piece.partition("-")
    if not dash:
        return [piece]
    return [f"{index:0{len(first)}d}" for index in range(int(first), min(int(last), int(first) + 65_536) + 1)]
