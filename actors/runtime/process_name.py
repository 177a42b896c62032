"""Settings of a process on Linux: its name, its orphans, its memory, and its end with its parent (prctl(2)).

Elsewhere these functions do nothing and return False.
"""

from __future__ import annotations

import ctypes
import functools
import os
import signal
import sys
from typing import Any, Final

PR_SET_PDEATHSIG: Final = 1
PR_SET_DUMPABLE: Final = 4
PR_SET_NAME: Final = 15
PR_SET_CHILD_SUBREAPER: Final = 36
NAME_LIMIT_BYTES: Final = 15

IS_LINUX: Final = sys.platform == "linux"


def die_with_parent(parent_pid: int) -> bool:
    """Have the kernel kill this process when its parent's thread ends; exit at once if that is gone already.

    Returns:
        Whether the kernel does so.
    """
    if not _prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL)):
        return False
    if os.getppid() != parent_pid:
        os._exit(1)  # the parent died before the call
    return True


def outlive_parent() -> bool:
    """Undo `die_with_parent`."""
    return _prctl(PR_SET_PDEATHSIG, 0)


def adopt_orphans() -> bool:
    """Become the parent of descendants whose parent ends, so that they can be found and reaped."""
    return _prctl(PR_SET_CHILD_SUBREAPER, 1)


def leave_orphans() -> bool:
    """Undo `adopt_orphans`."""
    return _prctl(PR_SET_CHILD_SUBREAPER, 0)


def set_name(name: str) -> bool:
    """Set the name of this process that `ps -o comm` and `top` show."""
    return _prctl(PR_SET_NAME, name.encode()[:NAME_LIMIT_BYTES])


def hide_memory() -> bool:
    """Have the kernel show what this process has in memory to root alone, and dump it nowhere.

    The files of /proc that show it belong to root from now on. Running a program undoes it.
    """
    return _prctl(PR_SET_DUMPABLE, 0)


def _prctl(option: int, argument: int | bytes) -> bool:
    return IS_LINUX and int(_system_call()(option, argument, 0, 0, 0)) == 0


@functools.cache
def _system_call() -> Any:
    """Look it up once, for all forked processes: ctypes creates classes for every library that it opens."""
    return ctypes.CDLL(None, use_errno=True).prctl
