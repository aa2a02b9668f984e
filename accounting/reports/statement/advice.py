"""What to do about a month: the dearest things that its own figures show, nothing that is not in them."""

from __future__ import annotations

from accounting.reports.statement.figures import Figures
from accounting.reports.statement.sums import Line
from accounting.reports.statement.texts import amount, count, hours, short

MOST = 5


def actions(found: Figures, currency: str, *, everyone: bool) -> list[str]:
    """Sentences, the dearest first, at most `MOST`; what has no price comes before all."""
    advised = [
        *(_idle(line, found, currency) for line in found.idle[:2] if line.cost),
        *(_free(line, currency) for line in found.free[:2] if line.cost),
        *(_unowned(line, currency) for line in found.teams if everyone and line.key == ("unowned",) and line.cost),
    ]
    dearest = [said for _, said in sorted(advised, key=lambda item: -item[0])]
    return [*(_price(line) for line in found.without_price[:1]), *dearest][:MOST]


def _idle(line: Line, found: Figures, currency: str) -> tuple[float, str]:
    workload, cluster, owner, _ = line.key
    held = sum(one.hours for one in found.workloads if one.key == line.key)
    whose = f" of {short(owner, 24)}" if owner else ""
    return _dear(line), (
        f"Stop or shrink {short(workload, 34)}{whose} on {short(cluster, 20)}: idle for {hours(line.hours)} of the"
        f" {hours(held)} hours that it held, {amount(line.cost)} {currency}."
    )


def _free(line: Line, currency: str) -> tuple[float, str]:
    cluster, pool, accelerator = line.key
    place = short(f"{cluster}/{pool}" if pool else cluster, 34)
    return _dear(line), (
        f"Fill or give back {short(accelerator, 20)} in {place}: nobody held it for {hours(line.hours)} hours,"
        f" {amount(line.cost)} {currency}."
    )


def _unowned(line: Line, currency: str) -> tuple[float, str]:
    return _dear(line), f"Name owners for {amount(line.cost)} {currency} that no team claims: chipledger owners."


def _price(line: Line) -> str:
    sku = short(" ".join(filter(None, line.key)), 50)
    return f"Bring a price for {sku}: {count(line.hours)} hours of it are on this statement without an amount."


def _dear(line: Line) -> float:
    return float(line.cost or 0)
