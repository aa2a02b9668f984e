"""Names that people mistyped."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """`no column 'strat': did you mean 'start'? Known: …`, for the middle of an error message."""
    choices = list(known)
    near = get_close_matches(name, choices, n=1, cutoff=0.6)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"no {what} {name!r}: {hint}Known: {', '.join(choices)}"
