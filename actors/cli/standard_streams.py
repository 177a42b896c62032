"""Makes the three standard streams safe to use, whatever a command was started with."""

from __future__ import annotations

import os
import sys
from typing import Final

NAMES: Final = ("stdin", "stdout", "stderr")


def prepare_streams() -> None:
    """Open the null device in place of each stream that is closed.

    A closed descriptor would be given to the next file that is opened, and what is printed would end in it.
    """
    for descriptor, name in enumerate(NAMES):
        if not _is_open(descriptor):
            _open_null(descriptor)
        if getattr(sys, name) is None:
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, open(descriptor, mode, encoding="utf-8", closefd=False))  # noqa: SIM115


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def _open_null(descriptor: int) -> None:
    found = os.open(os.devnull, os.O_RDWR)
    if found != descriptor:
        os.dup2(found, descriptor)
        os.close(found)
    os.set_inheritable(descriptor, True)
