"""How much memory a process has to itself, as far as the platform tells without a library."""

from __future__ import annotations

from pathlib import Path


def private_mib(pid: int, proc: Path = Path("/proc")) -> float | None:
    """Anonymous memory in MiB: pages shared with the fork server count until they are written to; None where /proc is not there."""
    try:
        for line in (proc / str(pid) / "status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) / 1024
    except (OSError, ValueError, IndexError):
        return None
    return None
