"""Reads how much private memory a process has, where the platform tells without a library."""

from __future__ import annotations

from pathlib import Path


def private_mib(pid: int, proc: Path = Path("/proc")) -> float | None:
    """Anonymous memory in MiB; None where there is no /proc.

    Pages that are shared with the fork server count once they are written to.
    """
    try:
        for line in (proc / str(pid) / "status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) / 1024
    except (OSError, ValueError, IndexError):
        return None
    return None
