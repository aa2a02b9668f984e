"""Figures: a total that a test can read, and cards of key figures with their change."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from html import escape

from app import amounts


@dataclass(frozen=True, slots=True)
class Change:
    """A change against a period before; `tone` is good, bad or plain."""

    text: str
    tone: str
    against: str


@dataclass(frozen=True, slots=True)
class Card:
    """A key figure: `name` and `exact` are for programs, `text` for people, `note` and `extra` stand below."""

    name: str
    label: str
    exact: Decimal | None
    text: str
    note: str = ""
    extra: str = ""
    change: Change | None = None


def total(name: str, exact: Decimal | None, text: str) -> str:
    """A figure with its exact value and name in the markup."""
    value = "" if exact is None else f"{exact:f}"
    return f'<span data-total="{escape(name)}" data-exact="{value}">{escape(text)}</span>'


def cards(found: list[Card]) -> str:
    """A row of key figures."""
    return f'<div class="cl-cards">{"".join(map(_card, found))}</div>'


def relative(now: Decimal | None, before: Decimal | None, against: str, *, good: str = "") -> Change | None:
    """The change of an amount; `good` says which way is good: up, down, or neither."""
    grown = amounts.change(now, before)
    return None if grown is None else Change(amounts.signed_percent(grown), _tone(grown, good), against)


def points(now: Decimal | None, before: Decimal | None, against: str, *, good: str = "") -> Change | None:
    """The change of a share, in percentage points."""
    if now is None or before is None:
        return None
    return Change(amounts.signed_points(now - before), _tone(now - before, good), against)


def _tone(grown: Decimal, good: str) -> str:
    if not good or abs(grown) < Decimal("0.0005"):
        return "plain"
    return "good" if (grown > 0) == (good == "up") else "bad"


def _card(card: Card) -> str:
    extra = f'<div class="cl-extra">{escape(card.extra)}</div>' if card.extra else ""
    note = f'<div class="cl-note">{escape(card.note)}</div>' if card.note else ""
    value = total(card.name, card.exact, card.text)
    return (
        f'<div class="cl-card" data-card="{escape(card.name)}"><div class="cl-label">{escape(card.label)}</div>'
        f'<div class="cl-value">{value}</div>{extra}{note}{_change(card.change)}</div>'
    )


def _change(found: Change | None) -> str:
    if found is None:
        return ""
    return (
        f'<div class="cl-change"><b class="cl-{found.tone}">{escape(found.text)}</b> '
        f"<span>{escape(found.against)}</span></div>"
    )
