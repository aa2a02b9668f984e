"""Formats that bring their own mapping: what they give, and how their files are made ready for it."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Literal, cast

from accounting.errors import InputError
from accounting.inputs import focus, gcp_billing, gcp_pricing, sacct
from accounting.inputs.mapping import Mapping, Term
from accounting.inputs.staged import Staged

Container = Literal["csv", "parquet", "jsonl", "sacct"]
_PARQUET, _HEAD = b"PAR1", 4_096
_PREPARED = {"gcp_billing": gcp_billing, "focus": focus, "gcp_pricing": gcp_pricing}
"""Providers' exports, by format."""


def container(path: Path, mapping: Mapping) -> Container:
    """What a file is to a reader; providers write one content as Parquet, JSON lines and CSV, and it tells which."""
    form = mapping.format
    if form not in _PREPARED:
        return cast(Container, form)
    head = _head(path)
    if head.startswith(_PARQUET):
        return "parquet"
    if path.suffix == ".zst":
        return "jsonl" if "json" in "".join(path.suffixes) else "csv"
    return "jsonl" if head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{") else "csv"


def _head(path: Path) -> bytes:
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            return bytes(file.read(_HEAD))
    except (EOFError, OSError) as error:
        raise InputError(f"{path}: cannot be read ({error}): it may be cut; export it again") from error


def nulls(mapping: Mapping) -> tuple[str, ...]:
    """Texts that mean "nothing" in such files, besides the empty one."""
    known = {"sacct": sacct.NULLS, **{name: one.NULLS for name, one in _PREPARED.items()}}
    return (*mapping.settings.nulls, *known.get(mapping.format, ()))


def given(mapping: Mapping, kind: str) -> frozenset[str]:
    """Columns that need no line in the mapping."""
    if sacct.applies(mapping, kind):
        return sacct.DEFAULTS
    return _PREPARED[mapping.format].DEFAULTS if mapping.format in _PREPARED else frozenset()


def prepared(path: Path, staged: Staged, mapping: Mapping, kind: str) -> tuple[Staged, dict[str, Term]]:
    """The rows with columns of ours beside the file's, and the mapping with the defaults filled in."""
    terms = mapping.terms()
    if sacct.applies(mapping, kind):
        return sacct.prepared(path, staged, terms)
    if mapping.format not in _PREPARED:
        return staged, terms
    ready, defaults = _PREPARED[mapping.format].prepared(path, staged, mapping.settings.team_label)
    return ready, defaults | terms
