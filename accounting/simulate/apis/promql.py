"""The part of PromQL that selects series: names, matchers, and a range."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

_NAME = re.compile(r"\s*([a-zA-Z_:][a-zA-Z0-9_:]*)?\s*")
_MATCHER = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"\s*(,|(?=\}))')
_RANGE = re.compile(r"\s*(?:\[\s*((?:\d+(?:ms|[smhdwy]))+)\s*\])?\s*")
_PART = re.compile(r"(\d+)(ms|[smhdwy])")
_UNIT_MS = {
    "ms": 1,
    "s": 1000,
    "m": 60_000,
    "h": 3_600_000,
    "d": 86_400_000,
    "w": 604_800_000,
    "y": 31_536_000_000,
}
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'"}


class Malformed(ValueError):
    """Not a selector."""


class Matcher(NamedTuple):
    """`operator` is =, !=, =~ or !~; an expression has to match a label's whole value."""

    label: str
    operator: str
    value: str

    def fits(self, labels: Mapping[str, str]) -> bool:
        """Whether a series has it; a label that is not there is ''."""
        found = labels.get(self.label, "")
        same = found == self.value if self.operator in {"=", "!="} else re.fullmatch(self.value, found) is not None
        return same == (self.operator in {"=", "=~"})


class Selector(NamedTuple):
    """`range_ms` None: the latest points."""

    matchers: tuple[Matcher, ...]
    range_ms: int | None

    def fits(self, labels: Mapping[str, str]) -> bool:
        """Whether a series has all that is asked for."""
        return all(matcher.fits(labels) for matcher in self.matchers)


def parsed(text: str) -> Selector:
    """The selector that a text is; raises `Malformed`."""
    named = _NAME.match(text)
    name, at = (named[1], named.end()) if named else (None, 0)
    matchers = [Matcher("__name__", "=", name)] if name else []
    if text[at : at + 1] == "{":
        at += 1
        while text[at : at + 1] != "}":
            matcher = _MATCHER.match(text, at)
            if matcher is None:
                raise Malformed(f"unexpected {text[at : at + 20]!r} in a selector")
            matchers.append(_matcher(matcher[1], matcher[2], _unescaped(matcher[3])))
            at = matcher.end()
        at += 1
    ranged = _RANGE.fullmatch(text, at)
    if ranged is None or not matchers:
        raise Malformed(f"not a selector: {text[:60]!r}")
    return Selector(tuple(matchers), duration_ms(ranged[1]) if ranged[1] else None)


def duration_ms(text: str) -> int:
    """A duration such as 1h30m in milliseconds."""
    return sum(int(count) * _UNIT_MS[unit] for count, unit in _PART.findall(text))


def _matcher(label: str, operator: str, value: str) -> Matcher:
    try:
        re.compile(value if operator.endswith("~") else "")
    except re.error as error:
        raise Malformed(f"not a regular expression: {value!r}: {error}") from error
    return Matcher(label, operator, value)


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda match: _ESCAPED.get(match[1], match[1]), text)
