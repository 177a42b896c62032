"""Judges before a start whether the limits of this process (ulimit) leave a runtime enough to live on.

What starts with too little of something comes up in part, and restarts its children for ever: libzmq ends a
process that gets no more descriptors, and an allocation that fails ends an interpreter.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from bus.errors import OperatorError

if sys.platform != "win32":
    import resource

MIB: Final = 1024 * 1024
ROOT: Final = 0


class LimitTooLow(OperatorError):
    """A limit of this process leaves a runtime too little.

    Attributes:
        option: of `ulimit`, and what it limits.
        found: its hard limit, in the unit of `ulimit`.
        needed: the least that will do, in the same unit.
        command: that raises it for the shell from which this was started.
    """

    option: str
    found: int
    needed: int
    command: str
    words = (
        "nothing was started: the limit of {option} is {found:,}, expected at least {needed:,}; raise it "
        "where it is set (a shell, limits.conf, the unit of a service), or for this shell, run: {command}"
    )


class LimitKind(NamedTuple):
    """One limit, and what a runtime needs of it.

    Attributes:
        option: of `ulimit`, with what it limits.
        flag: of `prlimit`, and the end of its name in `resource`.
        unit: of `ulimit`, in that of the kernel.
        needed: the least in the unit of the kernel, for so many children.
    """

    option: str
    flag: str
    unit: int
    needed: Callable[[int], int]


KINDS: Final = (
    # The broker has two connections to each peer, and stops letting peers in well before the last descriptor.
    LimitKind("open files (ulimit -n)", "nofile", 1, lambda children: 54 + 3 * children),
    # An actor has four threads, the broker six, the supervisor and its fork server six.
    LimitKind("processes and threads (ulimit -u)", "nproc", 1, lambda children: 16 + 4 * children),
    LimitKind("address space (ulimit -v, in KiB)", "as", 1024, lambda children: 256 * MIB),
    LimitKind("memory for data (ulimit -d, in KiB)", "data", 1024, lambda children: 128 * MIB),
    LimitKind("the size of a file (ulimit -f, in KiB)", "fsize", 1024, lambda children: 16 * MIB),
    LimitKind("the stack (ulimit -s, in KiB)", "stack", 1024, lambda children: 256 * 1024),
)
ADVISED: Final = 4
"""So many times what is needed at least is asked for."""


def shortage(limits: Mapping[str, int], children: int) -> LimitTooLow | None:
    """The first limit that is too low; None: all will do. Pure.

    Args:
        limits: by the flag of `prlimit`, in the unit of the kernel; one that is missing or below 0 is none.
        children: of the profile, the broker included.
    """
    for kind in KINDS:
        found, needed = limits.get(kind.flag, -1), kind.needed(children)
        if 0 <= found < needed:
            command = f"sudo prlimit --pid $$ --{kind.flag}={ADVISED * needed}"
            return LimitTooLow(kind.option, found // kind.unit, needed // kind.unit, command)
    return None


def check_limits(children: int = 1) -> None:
    """Raise the soft limit of descriptors as far as it has to be, and refuse a start with too little.

    Raises:
        LimitTooLow: there is too little of something, and only a person can change that.
    """
    found = shortage(own_limits(children), children)
    if found is not None:
        raise found


def own_limits(children: int = 1) -> dict[str, int]:
    """The limits of this process that hold for it; without those that do not, or that do not exist here."""
    if sys.platform == "win32":
        return {}
    limits = {}
    for kind in KINDS:
        number = getattr(resource, f"RLIMIT_{kind.flag.upper()}", None)
        if number is None or (kind.flag == "nproc" and os.geteuid() == ROOT):  # root is not held to it
            continue
        soft, hard = resource.getrlimit(number)
        needed = kind.needed(children)
        if kind.flag == "nofile" and 0 <= soft < needed:
            with contextlib.suppress(OSError, ValueError):
                resource.setrlimit(number, (needed if hard < 0 else min(needed, hard), hard))
            soft, _ = resource.getrlimit(number)
        limits[kind.flag] = -1 if soft == resource.RLIM_INFINITY else soft
    return limits
