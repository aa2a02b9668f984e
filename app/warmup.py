"""What a server does before it listens, so that the first page is as fast as the next."""

from __future__ import annotations

import importlib

from accounting.errors import ChipledgerError
from app.source import served

HEAVY = ("streamlit.elements.html", "streamlit.runtime.scriptrunner.script_runner", "app.shell")


def warm() -> None:
    """Imports what pages need, opens the project and translates the questions; a project that fails says so later."""
    for name in HEAVY:
        importlib.import_module(name)
    try:
        with served().open() as look:
            look.book.warm()
            look.book.status(0)
    except ChipledgerError:
        return
