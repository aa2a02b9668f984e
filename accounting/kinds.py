"""Kinds of charges, and what statements call them."""

from __future__ import annotations

CHARGE_KINDS = {
    "usage": "Used",
    "idle": "Held, but idle",
    "unallocated": "Held by nobody",
    "overhead": "Could not be used",
    "commitment_unused": "Commitments, unused",
    "correction": "Corrections of closed months",
    "reconciliation": "Differences to the invoice",
    "credit": "Credits",
    "incentive": "Incentives",
}
"""By the name in `charge_kind`."""

NOT_HOURS = ("commitment_unused", "correction", "reconciliation", "credit", "incentive")
"""Kinds that are not hours of their month, whatever time they name."""
