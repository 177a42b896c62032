"""Facts about machine and versions that a fault may depend on, and nothing that identifies the machine."""

from __future__ import annotations

import locale
import os
import platform
import re
import sys
import time
from pathlib import Path
from typing import Any, Final

LIBRARIES: Final = (
    "anyio", "click", "cryptography", "filelock", "httpx", "jsonschema", "keyring", "msgspec",
    "platformdirs", "pydantic", "pyzmq", "rich", "zstandard",
)  # fmt: skip
INFO_LIMIT_BYTES: Final = 256 * 1024
_MODEL: Final = re.compile(r"^(?:model name|Model|Hardware)\s*:\s*(.+)$", re.MULTILINE)
_MEMORY: Final = re.compile(r"^(MemTotal|MemAvailable|SwapTotal|SwapFree):\s+(\d+) kB$", re.MULTILINE)


def versions() -> dict[str, str]:
    """Return the versions of Undercroft, Python and the libraries that are installed."""
    from importlib import metadata  # late, because it imports email and zipfile

    found = {"python": platform.python_version(), "implementation": platform.python_implementation()}
    for name in ("undercroft", *LIBRARIES):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def system() -> dict[str, Any]:
    """Return operating system, processor, memory, locale and time zone; no serial number and no host name."""
    return {
        "system": platform.system(),
        "release": platform.release(),
        "version": platform.version(),
        "machine": platform.machine(),
        "libc": " ".join(platform.libc_ver()).strip(),
        "is_frozen": bool(getattr(sys, "frozen", False)),
        "processor": processor(_read("/proc/cpuinfo")) or platform.processor(),
        "processors": os.cpu_count(),
        "load": list(os.getloadavg()) if hasattr(os, "getloadavg") else [],
        "memory_bytes": memory(_read("/proc/meminfo")) or _physical_memory(),
        "locale": ".".join(part for part in locale.getlocale() if part) or "C",
        "encoding": sys.getfilesystemencoding(),
        "utc_offset_hours": time.localtime().tm_gmtoff / 3600,
        "desktop": os.environ.get("XDG_CURRENT_DESKTOP", "")[:50],
    }


def processor(cpuinfo: str) -> str:
    """Return the name of the processor from Linux's /proc/cpuinfo; empty if it names none."""
    found = _MODEL.search(cpuinfo)
    return found[1].strip()[:200] if found else ""


def memory(meminfo: str) -> dict[str, int]:
    """Return sizes in bytes by name from Linux's /proc/meminfo."""
    return {name: int(kib) * 1024 for name, kib in _MEMORY.findall(meminfo)}


def _physical_memory() -> dict[str, int]:
    try:
        return {"MemTotal": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")}
    except (AttributeError, OSError, ValueError):  # Windows has no sysconf
        return {}


def _read(path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            return file.read(INFO_LIMIT_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
