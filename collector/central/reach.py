"""A source tells of nothing before it was first read."""

from __future__ import annotations

from msgspec import structs

from collector.central.findings import Findings


def since(found: Findings, since_ms: int) -> Findings:
    """The findings from an instant on: what was held before, nobody was there to tell of, nor what was there to hold.

    A pod that has run for weeks would make as many days of a cluster of which nothing else is known.
    """
    found.holds = [
        structs.replace(hold, start_ms=max(hold.start_ms, since_ms)) for hold in found.holds if hold.until_ms > since_ms
    ]
    found.allocated = [
        one if one.start_ms is None else structs.replace(one, start_ms=max(one.start_ms, since_ms))
        for one in found.allocated
        if one.until_ms > since_ms
    ]
    found.quoted = [structs.replace(one, start_ms=max(one.start_ms, since_ms)) for one in found.quoted]
    return found
