"""What the text of a provider's SKU tells: which accelerator it is of, and how it was bought."""

from __future__ import annotations

import re
from functools import cache

from accounting.accelerators import canonical

_SPOT = re.compile(r"spot|preemptible", re.IGNORECASE)
_COMMITMENT = re.compile(r"^commitment\b", re.IGNORECASE)
_RESERVED = re.compile(r"\breserved\b|calendar mode", re.IGNORECASE)
_NOISE = (
    r"commitment v\d+:",
    r"commitment - dollar based v\d+:",
    r"\b(running )?in [a-z][\w ()-]*$",
    r"for \d+ years?",
    r"attached to (spot )?preemptible vms",
    r"\(\d+ gpu slice\)",
    r"in calendar mode",
    r"dws defined duration",
    r"\b(nvidia|tesla|gpu|reserved|spot|preemptible|cloud|a4)\b",
)


@cache
def accelerator(text: str) -> str | None:
    """The accelerator's own name, or None where the text is of something else.

    >>> accelerator("Nvidia H100 80GB Plus GPU attached to Spot Preemptible VMs running in Americas")
    'H100-80GB-MEGA'
    """
    rest = text.casefold()
    for pattern in _NOISE:
        rest = re.sub(pattern, " ", rest)
    words = " ".join(rest.split()).replace("80gb plus", "80gb mega")
    found = canonical(words, {}) if words else None
    return found.name if found and found.memory_gib is not None and found.chips == 1 else None


def purchase(text: str) -> str:
    """on_demand, spot, committed or reservation."""
    if _COMMITMENT.search(text):
        return "committed"
    if _RESERVED.search(text):
        return "reservation"
    return "spot" if _SPOT.search(text) else "on_demand"


def is_fee(text: str) -> bool:
    """Whether the SKU is the fee of a commitment."""
    return _COMMITMENT.search(text) is not None
