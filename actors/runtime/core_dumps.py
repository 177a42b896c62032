"""Keeps what a process has in memory out of core dumps: keys, secret settings, a history without a disk.

Two locks, since one is not enough: a limit of 0 holds where the kernel writes a file itself, and on Linux a
process that may not be dumped holds where it hands the dump to a program (core(5)). That also keeps debuggers
of the same user out; those of root get in. Both pass to forked processes. A program that is started gets
the limit that this process was started with: what it has in memory is its own.
"""

from __future__ import annotations

import contextlib
import sys
from typing import Final

from actors.runtime import process_name

if sys.platform != "win32":
    import resource

SEM_FAILCRITICALERRORS: Final = 0x0001
SEM_NOGPFAULTERRORBOX: Final = 0x0002
WER_FAULT_REPORTING_FLAG_NOHEAP: Final = 0x0001

_given: list[int] = []
"""The soft limit that this process was started with, once it was lowered."""


def forbid() -> None:
    """Forbid core dumps of this process and of those that it forks; harmless if it was done."""
    if sys.platform == "win32":
        _forbid_on_windows()
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    if not _given:
        _given.append(soft)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    process_name.hide_memory()


def forbid_for_good() -> None:
    """Forbid them to this process and whatever it starts: an actor has nothing to start that it may dump."""
    forbid()
    if sys.platform != "win32":
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def restore_for_program() -> None:
    """Give the program that this process becomes the limit from before. Running it undoes the rest."""
    if sys.platform == "win32" or not _given:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (_given[0], hard))


def _forbid_on_windows() -> None:
    """Have Windows Error Reporting leave the heap out of its reports, and show no window."""
    import ctypes

    kernel = getattr(ctypes, "windll").kernel32  # noqa: B009 - other platforms have no such name
    with contextlib.suppress(AttributeError, OSError):
        kernel.SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX)
        kernel.WerSetFlags(WER_FAULT_REPORTING_FLAG_NOHEAP)
