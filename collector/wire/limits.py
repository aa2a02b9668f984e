"""What values can be: what lies outside is a mistake of whoever told it, and would spoil sums or time itself."""

from __future__ import annotations

EARLIEST_MS, LATEST_MS = 1_262_304_000_000, 4_102_444_800_000
"""2010-01-01, before which there was none of these devices, and 2100-01-01."""

_LONGEST_MS = 366 * 86_400_000
_COUNT = 1 << 50
_TIME = (EARLIEST_MS, LATEST_MS)
_QUANTITY = (0, 1 << 40)
"""A million accelerators, in millionths."""
_BITS = (0, 1 << 31)

LIMITS: dict[str, dict[str, tuple[int, int]]] = {
    "records": {
        "start_ms": _TIME,
        "length_ms": (1, _LONGEST_MS),
        "busy_ms": (-1, _COUNT),
        "sm_ms": (-1, _COUNT),
        "tensor_ms": (-1, _COUNT),
        "memory_byte_ms": (-1, 1 << 62),
        # A rack for a week; sums of a device's day stay far from what 64 bits hold.
        "energy_mj": (-1, 10**14),
        "health": _BITS,
        "flags": _BITS,
    },
    "holdings": {"start_ms": _TIME, "until_ms": _TIME, "closed": (0, 2), "share_ppm": (0, 1_000_001)},
    "notes": {"at_ms": (0, LATEST_MS)},
    "allocations": {
        "submitted_ms": (-1, LATEST_MS),
        "start_ms": (-1, LATEST_MS),
        "until_ms": _TIME,
        "closed": (0, 2),
        "quantity_ppm": _QUANTITY,
    },
    "stock": {"start_ms": _TIME, "until_ms": _TIME, "quantity_ppm": _QUANTITY},
    "served": {
        "start_ms": _TIME,
        "length_ms": (1, _LONGEST_MS),
        "requests": (-1, _COUNT),
        "input_tokens": (-1, _COUNT),
        "output_tokens": (-1, _COUNT),
        "busy_ms": (-1, _COUNT),
    },
    "quotas": {"start_ms": _TIME, "until_ms": _TIME, "nominal_ppm": _QUANTITY, "used_ppm": _QUANTITY},
}
"""By table and column, the least value and the first that is too large. -1 is UNKNOWN."""
