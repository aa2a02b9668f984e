"""A statement as PDF: the same bytes for the same month."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Literal

from accounting.reports.month import Month
from accounting.reports.statement.figures import figures
from accounting.reports.statement.page import Json, page


def statement(now: Month, before: Month | None) -> bytes:
    """The PDF of a month; `before` is the month before of the same scope, None where it has no charges."""
    return typeset(page(now, figures(now, before)))[0]


def typeset(said: Json, format: Literal["pdf", "png"] = "pdf") -> list[bytes]:
    """What `page` said as one PDF, or as a picture of each page. Names are text, never markup."""
    import typst

    made: bytes | list[bytes] = typst.compile(template(), format=format, ppi=110.0, sys_inputs=inputs(said))
    return [made] if isinstance(made, bytes) else made


def template() -> bytes:
    """The page as typst has it."""
    return files("accounting").joinpath("templates", "statement.typ").read_bytes()


def inputs(said: Json) -> dict[str, str]:
    """How the template is given its data."""
    return {"said": json.dumps(said, ensure_ascii=False)}
