"""Tells a process from another one that has its number now."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from actors.shared.durable.boot_id import boot_id


def start_mark(pid: int, proc: Path = Path("/proc")) -> str:
    """What no other process with this number has in common: the boot, and when it was started since then.

    Empty where the platform does not tell, or if there is no such process. A zombie is none.
    """
    if sys.platform != "linux":
        return ""
    try:
        found = (proc / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = found.rpartition(")")[2].split()  # the name of a program may hold spaces and brackets
    if len(fields) < 20 or fields[0] in ("Z", "X"):
        return ""
    return f"{boot_id() or ''}:{fields[19]}"


def is_same_process(pid: int, mark: str) -> bool:
    """Whether the process of that number is the marked one. Without a mark, any living one counts."""
    from bus.discovery import is_alive

    if not mark or sys.platform != "linux":
        return is_alive(pid)
    return pid == os.getpid() or start_mark(pid) == mark
