"""Bounds what the C library keeps of freed memory."""

from __future__ import annotations

import ctypes
import sys
from typing import Final

M_ARENA_MAX: Final = -8
"""Option of glibc's mallopt(3)."""

ARENAS: Final = 2
"""One for the thread that does the work, one for all that help it."""


def share_arenas() -> bool:
    """Have all threads of this process share a few arenas of the allocator.

    By default glibc gives each thread an arena of its own, up to eight for each core, and each keeps what was
    freed in it. An actor that had much to do in many threads would stay several times as large as before.

    Returns:
        Whether the C library does so: only glibc has arenas.
    """
    if sys.platform != "linux":
        return False
    try:
        set_option = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False
    return bool(set_option(M_ARENA_MAX, ARENAS))
