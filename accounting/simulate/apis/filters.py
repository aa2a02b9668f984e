"""Filters of Cloud Monitoring as Google documents them, as far as ListTimeSeries and ListMetricDescriptors take them.

Comparisons with `=`, `!=` and `:` to a string, or to `starts_with`, `ends_with`, `has_substring`, `one_of` or
`monitoring.regex.full_match` of strings, joined by AND (or nothing). OR and parentheses are not known here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

_TERM = re.compile(
    r"""\s*(?:AND\s+)?(?P<name>(?:metric|resource)\.[\w.]+|project|metric_kind|value_type)\s*(?P<op>!=|=|:)\s*
    (?:(?P<call>starts_with|ends_with|has_substring|one_of|monitoring\.regex\.full_match)\((?P<args>[^)]*)\)
    |"(?P<quoted>[^"]*)"|(?P<bare>[^\s"()]+))\s*""",
    re.VERBOSE,
)

_CALLS: dict[str, Callable[[str, list[str]], bool]] = {
    "starts_with": lambda value, of: value.startswith(of[0]),
    "ends_with": lambda value, of: value.endswith(of[0]),
    "has_substring": lambda value, of: of[0] in value,
    "one_of": lambda value, of: value in of,
    "monitoring.regex.full_match": lambda value, of: re.fullmatch(of[0], value) is not None,
}


class Term(NamedTuple):
    """One comparison; `call` is '' where it is with the one string of `of`."""

    name: str
    op: str
    call: str
    of: list[str]

    def holds(self, value: str) -> bool:
        """Whether a value meets it."""
        if self.op == ":":
            return self.of[0] in value
        met = _CALLS[self.call](value, self.of) if self.call else value == self.of[0]
        return met if self.op == "=" else not met


def terms(text: str) -> list[Term]:
    """The comparisons of a filter; raises `ValueError` for what is none."""
    found, at = [], 0
    while at < len(text):
        match = _TERM.match(text, at)
        if match is None:
            raise ValueError(f"Could not parse filter {text!r} at {text[at : at + 40]!r}")
        of = re.findall('"([^"]*)"', match["args"] or "") if match["call"] else [match["quoted"] or match["bare"] or ""]
        found.append(Term(match["name"].replace(".label.", ".labels."), match["op"], match["call"] or "", of))
        at = match.end()
    return found


def meets(all_of: list[Term], values: Callable[[str], str]) -> bool:
    """Whether all comparisons hold; `values` tells what a name such as `resource.labels.zone` stands for."""
    return all(term.holds(values(term.name)) for term in all_of)
