"""What a source found, for people to read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from collector.central.findings import Activity, Findings
from collector.wire import UNKNOWN

MOST = 40
"""Lines of one kind; of the rest the number is said."""

_PPM = 1_000_000


def lines(found: Findings) -> Iterator[str]:
    """Devices with what they did and who held them, then what was counted."""
    devices = [one for one in found.activity if one.workload is None]
    holders: dict[str, list[str]] = {}
    for hold in found.holds:
        holders.setdefault(hold.device.uuid, []).append(hold.workload.id)
    yield from _few("device", [_device(one, holders.get(one.device.uuid, [])) for one in devices])
    yield from _few("allocation", sorted(f"{a.workload.id}  {_amount(a.quantity_ppm)} {a.group.accelerator}"
                                         + ("" if a.start_ms is not None else "  waits")
                                         for a in found.allocated))  # fmt: skip
    stock: Counter[tuple[str, str, str]] = Counter()
    latest = {(s.group, s.condition): s for s in found.stocked}
    for (group, condition), one in latest.items():
        stock[group.place.pool, group.accelerator, condition] += one.quantity_ppm
    yield from _few("pool", [f"{pool or '(no pool)'}  {_amount(ppm)} {name}  {condition}"
                             for (pool, name, condition), ppm in sorted(stock.items())])  # fmt: skip
    quotas = {(q.group.place.cluster, q.queue, q.flavor, q.group.accelerator): q for q in found.quoted}
    yield from _few("queue", [f"{queue}  {flavor}  {_amount(q.used_ppm)} of {_amount(q.nominal_ppm)} {name}"
                              for (_, queue, flavor, name), q in sorted(quotas.items())])  # fmt: skip
    served: Counter[tuple[str, str]] = Counter()
    for one_row in found.counted:
        served[one_row.engine, one_row.model] += max(0, one_row.output_tokens)
    yield from _few("model", [f"{model}  {engine}  {n} tokens out" for (engine, model), n in sorted(served.items())])


def _few(what: str, rows: list[str]) -> Iterator[str]:
    yield f"{len(rows)} {what}{'' if len(rows) == 1 else 's'}"
    yield from (f"  {row}" for row in rows[:MOST])
    if len(rows) > MOST:
        yield f"  and {len(rows) - MOST} more"


def _device(one: Activity, holders: list[str]) -> str:
    known = [(row[1], row[2]) for row in one.rows if row[2] != UNKNOWN]
    length = sum(ms for ms, _ in known)
    busy = f"{100 * sum(ms for _, ms in known) / length:.0f} %" if length else "not observed"
    return f"{one.device.uuid}  {one.device.name}  {busy}  {', '.join(sorted(holders)) or 'held by nobody'}"


def _amount(ppm: int) -> str:
    return f"{ppm / _PPM:g}"
