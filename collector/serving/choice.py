"""Which counters count: one of several that tell the same."""

from __future__ import annotations

from collections.abc import Iterable

from collector.serving.counter import Counter
from collector.serving.engines import RAY_SERVE


def chosen(told: Iterable[Counter]) -> set[str]:
    """Keys of the counters that count: no copies under other names, no ranks that tell of the same requests."""
    counters = [one for one in told if one.field]
    copies: dict[tuple[str, ...], int] = {}
    for one in counters:
        copies[_measured(one)] = min(one.copy, copies.get(_measured(one), one.copy))
    named = [one for one in counters if one.copy == copies[_measured(one)]]
    ranks: dict[tuple[object, ...], list[str]] = {}
    for one in named:
        ranks[_request(one)] = min(_rank(one), ranks.get(_request(one), _rank(one)))
    served = {one.target for one in counters if one.engine is not RAY_SERVE and one.name.startswith("ray_")}
    return {
        one.key
        for one in named
        if (one.field == "busy_ms" or _rank(one) == ranks[_request(one)])
        and not (one.engine is RAY_SERVE and one.target in served)
    }


def _measured(one: Counter) -> tuple[str, ...]:
    return (one.target, one.engine.name, one.field)


def _request(one: Counter) -> tuple[object, ...]:
    """What ranks share that work on the same requests; their busy times are those of several devices and add up."""
    return (one.name, *sorted((k, v) for k, v in one.labels.items() if k not in one.engine.ranks))


def _rank(one: Counter) -> list[str]:
    return [one.labels.get(name, "") for name in one.engine.ranks]
