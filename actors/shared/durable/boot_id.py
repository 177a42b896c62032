"""Tells whether the machine ran on since: what the kernel took survives a kill, but not a power cut."""

from __future__ import annotations

import sys
from pathlib import Path

_LINUX = Path("/proc/sys/kernel/random/boot_id")


def boot_id() -> str | None:
    """A name for this run of the machine, another one after each boot; None if unknown, as on Windows."""
    if sys.platform == "linux":
        try:
            return _LINUX.read_text(encoding="ascii").strip() or None
        except (OSError, UnicodeDecodeError):
            return None
    if sys.platform == "darwin":
        return _darwin_boot_session()
    return None


def _darwin_boot_session() -> str | None:
    import ctypes

    try:
        library = ctypes.CDLL(None)
        length = ctypes.c_size_t(64)
        buffer = ctypes.create_string_buffer(length.value)
        if library.sysctlbyname(b"kern.bootsessionuuid", buffer, ctypes.byref(length), None, 0) != 0:
            return None
    except (OSError, AttributeError):
        return None
    return buffer.value.decode("ascii", "replace") or None
