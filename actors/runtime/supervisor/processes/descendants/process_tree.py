"""Reads from /proc which processes descend from one, and to which child they say to belong. Linux only.

Each child gets a variable of its own into its environment, which its descendants inherit, sessions and double
forks included.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final

MARK: Final = "UNDERCROFT_CHILD"
"""Name of the variable. Its value is `<home>.<runtime>.<ticket>`."""

PROC: Final = Path("/proc")
ENVIRONMENT_LIMIT_BYTES: Final = 1024 * 1024
HOME_CHARACTERS: Final = 16
RUNTIME_BYTES: Final = 8


def home_mark(state: Path) -> str:
    """What the marks of all runtimes of one home begin with."""
    return hashlib.sha256(os.fsencode(state)).hexdigest()[:HOME_CHARACTERS] + "."


def runtime_mark(state: Path) -> str:
    """What the marks of one runtime begin with; nobody can guess it."""
    return f"{home_mark(state)}{secrets.token_hex(RUNTIME_BYTES)}."


def children_of(pid: int, proc: Path = PROC) -> set[int]:
    """Processes whose parent is this one, those that it adopted included; zombies, too."""
    try:
        threads = os.listdir(proc / str(pid) / "task")
    except OSError:
        return set()
    found: set[int] = set()
    for thread in threads:
        try:
            found.update(map(int, (proc / str(pid) / "task" / thread / "children").read_bytes().split()))
        except FileNotFoundError:  # the thread has ended, or this kernel has no such file
            if not (proc / "self" / "task" / str(os.getpid()) / "children").exists():
                return {child for child, parent in _parents(proc) if parent == pid}
        except OSError:
            continue
    return found


def descendants_of(pid: int, proc: Path = PROC) -> set[int]:
    """All processes below this one."""
    found: set[int] = set()
    waiting = [pid]
    while waiting:
        new = children_of(waiting.pop(), proc) - found
        found |= new
        waiting += new
    return found


def ancestors_of(pid: int, proc: Path = PROC) -> set[int]:
    """The process itself, its parent, and so on."""
    parents = dict(_parents(proc))
    found: set[int] = set()
    while pid and pid not in found:
        found.add(pid)
        pid = parents.get(pid, 0)
    return found


def mark_of(pid: int, proc: Path = PROC) -> str:
    """The mark in the environment with which a program was started; empty if there is none to be read."""
    try:
        with (proc / str(pid) / "environ").open("rb") as file:
            variables = file.read(ENVIRONMENT_LIMIT_BYTES).split(b"\0")
    except OSError:
        return ""
    name = MARK.encode() + b"="
    marks = [variable.removeprefix(name) for variable in variables if variable.startswith(name)]
    return marks[-1].decode("ascii", "replace") if marks else ""


def marked(prefix: str, proc: Path = PROC) -> dict[int, str]:
    """All processes whose mark begins with the prefix."""
    found = {pid: mark_of(pid, proc) for pid in _pids(proc)}
    return {pid: mark for pid, mark in found.items() if mark.startswith(prefix)}


def _pids(proc: Path) -> Iterator[int]:
    with contextlib.suppress(OSError):
        yield from (int(name) for name in os.listdir(proc) if name.isdecimal())


def _parents(proc: Path) -> Iterator[tuple[int, int]]:
    for pid in _pids(proc):
        with contextlib.suppress(OSError, ValueError, IndexError):
            yield (
                pid,
                int((proc / str(pid) / "stat").read_text("ascii", "replace").rpartition(")")[2].split()[1]),
            )
