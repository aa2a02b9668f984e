"""A parser of the Prometheus text exposition, and series of what a server scraped at several instants."""

from __future__ import annotations

import re
from collections.abc import Mapping

from collector.central.series import Series, series

SAMPLE = re.compile(r"^(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(?P<labels>.*)\})?\s+(?P<value>\S+)(?:\s+\d+)?$")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')
Key = tuple[str, tuple[tuple[str, str], ...]]


def parse(text: str) -> dict[Key, float]:
    """Samples by name and sorted labels."""
    found: dict[Key, float] = {}
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        sample = SAMPLE.match(line.strip())
        if sample is None:
            raise ValueError(f"no sample: {line}")
        found[sample["name"], tuple(sorted(LABEL.findall(sample["labels"] or "")))] = float(sample["value"])
    return found


def scraped(texts: Mapping[int, str | None], target: Mapping[str, str]) -> list[Series]:
    """What a server has of a target that exposed these texts at these instants (Unix ms); None: it did not answer.

    The target's labels win, as with `honor_labels: false`.
    """
    points: dict[Key, list[tuple[int, float]]] = {}
    for at, text in texts.items():
        samples = {} if text is None else parse(text)
        for key, value in {**samples, ("up", ()): float(text is not None)}.items():
            points.setdefault(key, []).append((at, value))
    return [series(name, {**dict(labels), **target}, told) for (name, labels), told in points.items()]
