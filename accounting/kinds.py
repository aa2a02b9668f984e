"""Kinds of charges, and what statements call them."""

from __future__ import annotations

NAMES = {
    "usage": "Used",
    "idle": "Held, but idle",
    "unallocated": "Held by nobody",
    "overhead": "Not usable, or no accelerator",
    "commitment_unused": "Commitments, unused",
    "credit": "Credits",
    "reconciliation": "Differences to the bill",
    "correction": "Corrections of closed months",
}
"""By the name in `charge_kind`."""

NOT_HOURS = ("commitment_unused", "correction", "reconciliation", "credit")
"""Kinds that are not hours of their month, whatever time they name."""
