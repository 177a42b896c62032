"""Reads how much private memory processes have, where the platform tells without a library."""

from __future__ import annotations

from pathlib import Path

from actors.runtime.supervisor.processes.descendants.process_tree import PROC, descendants_of


def private_mib(pid: int, proc: Path = PROC) -> float | None:
    """Anonymous memory of a process in MiB; None where there is no /proc.

    Pages that are shared with the fork server count once they are written to.
    """
    return _sum_mib(proc / str(pid) / "status", ("RssAnon:",))


def family_mib(pid: int, proc: Path = PROC) -> float | None:
    """The same with all descendants, of which only pages that they share with nobody count."""
    own_mib = private_mib(pid, proc)
    if own_mib is None:
        return None
    return own_mib + sum(_own_pages_mib(each, proc, own_mib) for each in descendants_of(pid, proc))


def _own_pages_mib(pid: int, proc: Path, parent_mib: float) -> float:
    """What a descendant has for itself. Forks of an actor hide their pages: what exceeds it counts."""
    rollup = proc / str(pid) / "smaps_rollup"
    own_mib = _sum_mib(rollup, ("Private_Dirty:", "Private_Hugetlb:", "SwapPss:"))
    if own_mib is None:
        own_mib = max(0.0, (private_mib(pid, proc) or 0.0) - parent_mib)
    return own_mib


def _sum_mib(path: Path, fields: tuple[str, ...]) -> float | None:
    try:
        lines = path.read_text().splitlines()
        found_kib = [int(line.split()[1]) for line in lines if line.startswith(fields)]
    except (OSError, ValueError, IndexError):
        return None
    return sum(found_kib) / 1024 if found_kib else None
