"""Notices and empty states: what is so, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape


def notice(name: str, text: str, todo: str = "", tone: str = "info") -> str:
    """One line over a page; `tone` is info or warn, `todo` a command."""
    command = f" <code>{escape(todo)}</code>" if todo else ""
    return (
        f'<div class="cl-notice cl-{tone}" role="status" data-notice="{escape(name)}">'
        f"<span>{escape(text)}</span>{command}</div>"
    )


def state(name: str, title: str, text: str, commands: tuple[str, ...] = ()) -> str:
    """A page that has nothing to show yet."""
    lines = "".join(f"<code>{escape(command)}</code>" for command in commands)
    below = f"<div>{lines}</div>" if lines else ""
    return (
        f'<div class="cl-state" data-state="{escape(name)}"><h2>{escape(title)}</h2><p>{escape(text)}</p>{below}</div>'
    )


def asked(queries: Mapping[str, str]) -> str:
    """The queries behind a block, folded, each under its name; a click into one selects all of it."""
    found = "".join(
        f'<pre tabindex="0" aria-label="Query {escape(name)}" data-sql="{escape(name)}">{escape(query)}</pre>'
        for name, query in queries.items()
    )
    return (
        '<details class="cl-sql"><summary>SQL</summary><p>A click selects all. Paste it after '
        "<code>chipledger query -</code> "
        f"and end with Ctrl-D, or put it in quotes after <code>chipledger query</code>.</p>{found}</details>"
    )


def heading(title: str, text: str = "") -> str:
    """A block's title and what it shows."""
    under = f"<p>{escape(text)}</p>" if text else ""
    return f'<div class="cl-head"><h2>{escape(title)}</h2>{under}</div>'


def basis(parts: list[str]) -> str:
    """The one line under a page's title: what its figures are of."""
    return f'<p class="cl-basis" data-basis="1">{" · ".join(escape(part) for part in parts if part)}</p>'
