"""The host that an accelerator sits in, on a bill: lines of processors, memory and disks, and of which machines."""

from __future__ import annotations

import re

_HOST = re.compile(r"\b(instance|predefined|custom) (core|cpu|ram|memory)\b|\bvcpu\b|\blocal ssd\b", re.IGNORECASE)
_FAMILIES = {
    "a2": ("A100",),
    "a3": ("H100", "H200"),
    "a4": ("B200", "GB200"),
    "g2": ("L4",),
    "n1": ("T4", "V100", "P100", "P4", "K80"),
}
"""Accelerators, by how their names begin, that Google's machine families have; N1 machines have them attached."""
_FAMILY = re.compile(rf"\b({'|'.join(_FAMILIES)})", re.IGNORECASE)


def is_host(description: str | None) -> bool:
    """Whether a SKU is of the machine around accelerators: Google's, and whose words are like them."""
    return bool(description and _HOST.search(description))


def sits_in(accelerator: str | None, description: str) -> bool:
    """Whether machines of the SKU's family have that accelerator; a SKU that names none may have any."""
    family = _FAMILY.search(description)
    return family is None or bool(accelerator and accelerator.startswith(_FAMILIES[family[1].lower()]))
