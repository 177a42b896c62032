"""Sizes for people."""

from __future__ import annotations

from typing import Final

UNITS: Final = ("B", "kB", "MB", "GB", "TB")


def size_text(size_bytes: float) -> str:
    """A number of bytes in its largest decimal unit, as disks and downloads are sold and shown."""
    amount, at = float(size_bytes), 0
    while amount >= 999.95 and at < len(UNITS) - 1:
        amount, at = amount / 1000, at + 1
    return f"{amount:.0f} {UNITS[at]}" if at == 0 else f"{amount:.1f} {UNITS[at]}"
