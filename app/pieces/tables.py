"""Tables: text to the left, figures to the right, bars inside cells, a total below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from html import escape

from app import amounts


@dataclass(frozen=True, slots=True)
class Column:
    """A column's head; figures stand to the right; `wide` takes the room that is left; `slim` is gone on a phone."""

    head: str
    figure: bool = False
    wide: bool = False
    slim: bool = False
    help: str = ""

    @property
    def classes(self) -> str:
        return " ".join(n for n, on in (("num", self.figure), ("wide", self.wide), ("slim", self.slim)) if on)


@dataclass(frozen=True, slots=True)
class Line:
    """A row's cells as HTML; `kind` styles it: total, apart, or nothing."""

    cells: Sequence[str]
    kind: str = ""


def table(name: str, columns: Sequence[Column], lines: Sequence[Line], empty: str = "Nothing to show.") -> str:
    """A table that scrolls sideways where the screen is too narrow; `name` is for programs and screen readers."""
    if not lines:
        return f'<p class="cl-empty">{escape(empty)}</p>'
    head = "".join(f'<th scope="col" class="{c.classes}"{_help(c)}>{escape(c.head)}</th>' for c in columns)
    body = "".join(_line(columns, line) for line in lines)
    return (
        f'<div class="cl-scroll" role="region" aria-label="{escape(name)}" tabindex="0">'
        f'<table class="cl-table" data-table="{escape(name)}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def text(value: str | None, unknown: str = amounts.UNKNOWN) -> str:
    """A cell of text; what is not known is a dash."""
    return escape(value) if value is not None else f'<span class="cl-mute">{escape(unknown)}</span>'


def two(first: str | None, second: str | None) -> str:
    """A name, and below it what it belongs to."""
    return f'{text(first)}<div class="cl-under">{escape(second or "")}</div>' if second else text(first)


def joined(*parts: str | None) -> str:
    """What is known of several names, on one line."""
    return " · ".join(part for part in parts if part)


def beside(first: str | None, second: str | None) -> str:
    """A name and what it belongs to, on one line."""
    return f'{text(first)} <span class="cl-mute">{escape(second)}</span>' if second else text(first)


def extra(unpriced_seconds: Decimal | None) -> str:
    """Below an amount: the time that has no price and is not in it."""
    said = amounts.unpriced(unpriced_seconds)
    return f'<div class="cl-extra">{escape(said)}</div>' if said else ""


def link(label: str, href: str) -> str:
    """A name that leads to another filter or page."""
    return f'<a href="{escape(href)}" target="_self">{escape(label)}</a>'


def swatch(key: str) -> str:
    """The color of a part."""
    return f'<i class="cl-swatch cl-p-{escape(key)}"></i>'


def bar(parts: Sequence[tuple[str, Decimal | None]], whole: Decimal) -> str:
    """Parts beside each other, as long as they are of `whole` (the longest bar of the table)."""
    pieces = (
        f'<i class="cl-p-{key}" style="width:{amounts.width(amounts.ratio(part, whole))}"></i>'
        for key, part in parts
        if part
    )
    return f'<div class="cl-bar" aria-hidden="true">{"".join(pieces)}</div>'


def _line(columns: Sequence[Column], line: Line) -> str:
    cells = "".join(
        f'<td class="{column.classes}">{cell}</td>' for column, cell in zip(columns, line.cells, strict=True)
    )
    return f'<tr class="cl-{line.kind}">{cells}</tr>' if line.kind else f"<tr>{cells}</tr>"


def _help(column: Column) -> str:
    return f' title="{escape(column.help)}"' if column.help else ""
