"""Whether a device could be used: XIDs, uncorrectable memory errors, and when it has recovered."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

import pynvml

from collector.nvml.board import Board
from collector.nvml.counters import Grown, recovery_action

LOST_BIT, XID_BIT, ECC_BIT, RESET_BIT = 1, 2, 4, 8

CRITICAL_XIDS = frozenset({46, 48, 62, 64, 74, 79, 95, 110, 119, 120, 136, 140, 143})
"""XIDs of hardware or firmware that failed: memory (48, 64, 95, 140), bus (79), links (74, 136), engines (46, 62, 143),
the GPU system processor (119, 120) and security faults (110).

Others are told as events and leave the device usable: 13, 31, 43, 45, 68, 94 and 109 are an application's, 63 and 92
are bookkeeping, and what is not known here must not turn a working device into an unhealthy one.
"""

_RESETS = frozenset(
    {
        pynvml.NVML_GPU_RECOVERY_ACTION_GPU_RESET,
        pynvml.NVML_GPU_RECOVERY_ACTION_NODE_REBOOT,
        pynvml.NVML_GPU_RECOVERY_ACTION_BUS_RESET,
        pynvml.NVML_GPU_RECOVERY_ACTION_SYSTEM_REBOOT,
    }
)


class Health:
    """One device's bits of `wire.HEALTH`, as long as it answers."""

    def __init__(self) -> None:
        self._xid = False
        self._reset = False
        self._fresh = False
        self._before: AbstractSet[int] = frozenset()
        self._ecc = Grown(
            "nvmlDeviceGetTotalEccErrors",
            pynvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED,
            pynvml.NVML_VOLATILE_ECC,
        )

    def report(self, xid: int, pids: AbstractSet[int]) -> None:
        """An XID was reported while the processes `pids` were on the device."""
        if xid in CRITICAL_XIDS:
            self._xid = self._fresh = True
            self._before = pids

    def recover(self) -> None:
        """The device began anew: what was reported before is over."""
        self._xid = self._reset = False

    def bits(self, board: Board) -> int:
        """Bits for this tick."""
        ecc = self._ecc.read(board)
        return self._xid * XID_BIT | ecc * ECC_BIT | self._reset * RESET_BIT

    def examine(self, board: Board, pids: AbstractSet[int], *, busy: bool) -> None:
        """Ask what the driver wants done; without an answer a newcomer that gets work done shows that all is well."""
        action = recovery_action(board)
        self._reset = action in _RESETS
        if self._fresh:
            self._fresh = False  # what the driver wants done may come after the XID
            return
        if action == pynvml.NVML_GPU_RECOVERY_ACTION_NONE or (action is None and busy and pids - self._before):
            self._xid = False
