"""What the doctor finds."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Grade = Literal["ok", "warn", "fail"]


class Finding(Struct, frozen=True):
    """One line of the doctor; `remedy` is '' where nothing is wrong."""

    grade: Grade
    about: str
    says: str
    remedy: str = ""
