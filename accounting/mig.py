"""MIG profiles as shares of the device they are cut from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

# Of families whose name leaves the memory (GB) open; a profile of more than its fair slices belongs to the next size.
_MEMORY = {
    "a100": (40, 80),
    "h100": (80, 94, 96),
    "h200": (141,),
    "b200": (180,),
    "gh200": (96, 144),
}
_MOST_SLICES = {1: 2, 2: 2, 3: 4, 4: 4, 7: 8}
_PROFILE = re.compile(
    r"(?:(?P<parent>.+?)(?:[\s_-]+mig)?[\s_-]+)?(?P<compute>[1-7])g\.(?P<memory>\d+)gb", re.IGNORECASE
)
_PLACES = Decimal("0.000000001")


@dataclass(frozen=True, slots=True)
class Profile:
    """`parent` is the device's name, None where the profile stands alone; `memory` in GB."""

    parent: str | None
    compute: int
    memory: int

    def share(self, device: int) -> Decimal | None:
        """max(compute ÷ 7, memory ÷ 8) of a device with so many GB; None where it has no such profile."""
        slices = round(self.memory * 8 / device)
        if not 1 <= slices <= _MOST_SLICES.get(self.compute, 0):
            return None
        return max(Decimal(self.compute) / 7, Decimal(slices) / 8).quantize(_PLACES)

    def of(self, known: int | None) -> tuple[int, Decimal] | None:
        """The device's GB and the share of it; `known`: what its name says, tried after the family's usual sizes."""
        family = re.sub(r"^nvidia[\s_-]", "", (self.parent or "").lower())
        for size in _MEMORY.get(family, () if known is None else (known,)):
            share = self.share(size)
            if share is not None:
                return size, share
        return None


def profile(name: str) -> Profile | None:
    """The profile that a name is: `a100_1g.5gb`, `NVIDIA A100-SXM4-40GB MIG 3g.20gb`, `1g.5gb`; else None."""
    match = _PROFILE.match(name.strip())
    return Profile(match["parent"], int(match["compute"]), int(match["memory"])) if match else None
