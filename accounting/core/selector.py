"""Selectors: facts with globs, such as `account=ml-* cluster=a100`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

FIELDS = ("cluster", "pool", "namespace", "account", "user", "node", "accelerator", "workload_id", "model")

_SEPARATORS = re.compile(r"[\s,;&]+")
_GLOBS = "*?"
PLACES = frozenset({"cluster", "pool", "node", "accelerator"})
"""Facts that say where a workload ran; the others say who or what it was, and are the more specific."""


@dataclass(frozen=True, slots=True)
class Selector:
    """Every field must match; `fields` are sorted by name."""

    fields: tuple[tuple[str, str], ...]

    @property
    def canonical(self) -> str:
        """The same text for selectors that say the same."""
        return " ".join(f"{field}={pattern}" for field, pattern in self.fields)

    @property
    def facts(self) -> tuple[str, ...]:
        """The names of the fields."""
        return tuple(field for field, _ in self.fields)

    @property
    def specificity(self) -> tuple[int, int, int]:
        """How many fields say who or what, how many there are, how many have no glob: the larger is more specific."""
        plain = sum(not any(g in p for g in _GLOBS) for _, p in self.fields)
        return sum(field not in PLACES for field, _ in self.fields), len(self.fields), plain

    @property
    def letters(self) -> int:
        """Literal characters: of two selectors on the same facts, the one with more is more specific."""
        return sum(c not in _GLOBS for _, pattern in self.fields for c in pattern)

    def matches(self, facts: Mapping[str, str | None]) -> bool:
        """Whether all fields match; a fact that is missing matches nothing, not even `*`."""
        return all(
            (value := facts.get(field)) is not None and re.search(regex(pattern), value)
            for field, pattern in self.fields
        )


def parse(text: str) -> Selector:
    """Raises `ValueError` on an unknown, repeated or empty field, and on a text without any."""
    found: dict[str, str] = {}
    for part in _SEPARATORS.split(text.strip(" \t\r\n,;&")):
        field, equals, pattern = part.partition("=")
        if not equals or not pattern:
            raise ValueError(f"{part!r} is not field=pattern: write for example account=ml-*")
        if field not in FIELDS:
            near = get_close_matches(field, FIELDS, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise ValueError(f"no fact {field!r}: {hint}Known: {', '.join(FIELDS)}")
        if field in found:
            raise ValueError(f"{field!r} stands twice: write two rules")
        found[field] = pattern
    return Selector(tuple(sorted(found.items())))


def regex(pattern: str) -> str:
    """The glob as a regular expression that Python and Polars read alike; only `*` and `?` have a meaning."""
    words = {"*": ".*", "?": "."}
    return "(?s)^" + "".join(words.get(c) or re.escape(c) for c in pattern) + "$"
