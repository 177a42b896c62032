"""What Linux offers a process about its parent, its orphans and its name; elsewhere these do nothing and say so."""

from __future__ import annotations

import ctypes
import functools
import os
import signal
import sys
from typing import Any, Final

PR_SET_PDEATHSIG: Final = 1
PR_SET_NAME: Final = 15
PR_SET_CHILD_SUBREAPER: Final = 36
NAME_LIMIT_BYTES: Final = 15

IS_LINUX: Final = sys.platform == "linux"


def die_with_parent(parent_pid: int) -> bool:
    """Have the kernel kill this process when the thread that made it ends; leave at once if it has ended already.

    Returns whether the kernel can do so.
    """
    if not _prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL)):
        return False
    if os.getppid() != parent_pid:
        os._exit(1)  # the parent died before the kernel knew of the wish
    return True


def outlive_parent() -> bool:
    """Take back what `die_with_parent` asked for."""
    return _prctl(PR_SET_PDEATHSIG, 0)


def adopt_orphans() -> bool:
    """Become the parent of descendants whose own parent ends, so that they can be found and reaped."""
    return _prctl(PR_SET_CHILD_SUBREAPER, 1)


def set_name(name: str) -> bool:
    """Name of this process as `ps -o comm` and `top` show it."""
    return _prctl(PR_SET_NAME, name.encode()[:NAME_LIMIT_BYTES])


def _prctl(option: int, argument: int | bytes) -> bool:
    return IS_LINUX and int(_system_call()(option, argument, 0, 0, 0)) == 0


@functools.cache
def _system_call() -> Any:
    """Found once, so that forked processes have it: ctypes makes new classes for every library that is opened."""
    return ctypes.CDLL(None, use_errno=True).prctl
