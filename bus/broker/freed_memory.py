"""Gives memory back to the system that the allocator would keep for later."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from typing import Final

TRIM_FROM_BYTES: Final = 16 * 1024 * 1024
"""So much has to be free before it is worth the time."""

TRIM_SECONDS: Final = 1.0
"""Time between two trims, at least."""


def trim_allocator() -> None:
    """Give free pages back. Only the allocator of glibc has a call for it; others do it by themselves."""
    if sys.platform == "linux":
        try:
            trim = ctypes.CDLL(None).malloc_trim
        except (AttributeError, OSError):
            return  # another C library
        trim(ctypes.c_size_t(0))


class FreedMemory:
    """Trims after much was freed, and not too often."""

    def __init__(self, trim: Callable[[], None] = trim_allocator) -> None:
        self._trim = trim
        self._freed_bytes = 0
        self._due_at = 0.0

    def note(self, size_bytes: int) -> None:
        """So much was freed."""
        self._freed_bytes += size_bytes

    def note_departure(self) -> None:
        """A peer is gone. Nobody knows how much waited for it."""
        self._freed_bytes = max(self._freed_bytes, TRIM_FROM_BYTES)

    def tend(self, now: float) -> None:
        """Trim if it is worth it and due."""
        if self._freed_bytes >= TRIM_FROM_BYTES and now >= self._due_at:
            self._due_at = now + TRIM_SECONDS
            self._freed_bytes = 0
            self._trim()
