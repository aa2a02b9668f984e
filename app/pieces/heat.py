"""The heat map: idle share of what was observed, by hour and by day; what was not observed is hatched, never pale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from html import escape
from typing import Any

from app import amounts
from app.amounts import hours, percent, ratio

Cells = Mapping[tuple[Any, int], Mapping[str, Any]]


def heat(slots: Sequence[tuple[Any, str]], cells: Cells, label: str) -> str:
    """A row for each slot (its key and its name), a column for each hour of the day."""
    head = "".join(f"<span>{hour if hour % 3 == 0 else ''}</span>" for hour in range(24))
    rows = "".join(_row(slot, name, cells) for slot, name in slots)
    said = f'aria-label="{escape(label)}"'
    return (
        f'<div class="cl-scroll" tabindex="0" role="region" {said}><div class="cl-heat" role="img" {said}>'
        f'<span class="cl-slot"></span>{head}{rows}</div></div>{_scale()}'
    )


def _row(slot: object, name: str, cells: Cells) -> str:
    found = "".join(_cell(name, hour, cells.get((slot, hour))) for hour in range(24))
    return f'<span class="cl-slot">{escape(name)}</span>{found}'


def _cell(name: str, hour: int, row: Mapping[str, Any] | None) -> str:
    when = f"{name} {hour:02d}:00 UTC"
    if row is None or not row["held_seconds"]:
        return f'<i class="cl-none" data-tip="{escape(when)}: nothing was held"></i>'
    if not row["observed_seconds"]:
        held = hours(row["held_seconds"])
        return f'<i class="cl-p-unobserved" data-tip="{escape(when)}: unknown, {held} held, none observed"></i>'
    share = ratio(row["idle_seconds"] or Decimal(0), row["observed_seconds"]) or Decimal(0)
    tip = f"{when}: {percent(share)} idle of {hours(row['observed_seconds'])} observed"
    return f'<i style="--heat:{amounts.width(share)}" data-tip="{escape(tip)}"></i>'


def _scale() -> str:
    return (
        '<ul class="cl-key"><li><span>0%</span><i class="cl-ramp"></i><span>100% idle</span></li>'
        '<li><i class="cl-swatch cl-p-unobserved"></i><span>Unknown</span></li>'
        '<li><i class="cl-swatch cl-none"></i><span>Nothing held</span></li></ul>'
    )
