"""Opens what must be this user's alone: a home, its `runtime.json`, the directory of its sockets.

A path is judged from the root of the file system down. In a directory that was judged nobody else can change
the next name, so nothing can be swapped between the look and the use, and what was refused once cannot be
used in a later step. A file is opened first and judged by its descriptor.
"""

from __future__ import annotations

import errno
import os
import shlex
import stat
from pathlib import Path
from typing import Final

from bus.errors import UnsafePlace
from bus.path_trust import facts_of, foreign_writer, trusted_users
from bus.write_access import ForeignWriter, Role, judge

IPC_PREFIX: Final = "ipc://"
NOT_OPENED: Final = frozenset({errno.ELOOP, errno.EMLINK, errno.ENXIO, errno.EACCES})
"""What opening says of a link, a socket, or a file of somebody else."""


def check_own_directory(path: Path) -> None:
    """Refuse a directory that is not this user's, or that others can write to or replace.

    It need not exist: then the directories above it that do are looked at.

    Raises:
        UnsafePlace: it is not ours alone.
    """
    _refuse(stranger_in(path))


def stranger_in(path: Path, role: Role = "own") -> ForeignWriter | None:
    """Who else owns a directory, or can write to it or replace it; None: nobody, or Windows.

    Args:
        path: of it.
        role: `way` for one in which only what is ours already has to stay ours.
    """
    if os.name == "nt":
        return None
    try:
        found = foreign_writer(path, role)
    except PermissionError:  # a directory above does not show us what lies in it
        return _hidden_by(path)
    except OSError:
        return None  # it cannot be reached; opening it says why
    if found is None and os.path.lexists(path) and not path.is_dir():
        place = shlex.quote(str(path))
        return ForeignWriter(str(path), "owner", "it is not a directory", f"mv {place} {place}.away")
    return found


def endpoint_stranger(endpoint: str) -> ForeignWriter | None:
    """Who else could listen in place of our broker at a ZeroMQ endpoint; None: nobody.

    The broker behind a loopback port proves itself by its key, one behind a path by who owns the directory.
    """
    path = Path(endpoint.removeprefix(IPC_PREFIX))
    if not endpoint.startswith(IPC_PREFIX) or not path.is_absolute():  # no runtime writes a relative one
        return None
    return stranger_in(path.parent)


def check_endpoints(*endpoints: str) -> None:
    """Refuse endpoints at which others could listen in place of our broker.

    Raises:
        UnsafePlace: the directory of one is not ours alone.
    """
    for endpoint in endpoints:
        _refuse(endpoint_stranger(endpoint))


def open_own_file(path: Path) -> int:
    """Open a file that belongs to us and that nobody else can read or replace.

    Returns:
        A descriptor to read from, of exactly the file that was judged.

    Raises:
        UnsafePlace: others own it, can read it or can replace it, or it is no file with one name.
        OSError: it is absent, or cannot be read.
    """
    _refuse(stranger_in(path.parent, "way"))  # a sticky one will do: the file itself is judged below
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    flags |= getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        if os.name != "nt" and error.errno in NOT_OPENED:
            _check_file(path, os.lstat(path))
        raise
    if os.name != "nt":
        try:
            _check_file(path, os.fstat(descriptor))
        except UnsafePlace:
            os.close(descriptor)
            raise
    return descriptor


def _refuse(stranger: ForeignWriter | None) -> None:
    if stranger is not None:
        raise UnsafePlace(stranger.path, stranger.detail, stranger.mend)


def _check_file(path: Path, found: os.stat_result) -> None:
    fault = file_fault(str(path), found, os.geteuid())
    if fault is not None:
        raise UnsafePlace(str(path), *fault)


def file_fault(path: str, found: os.stat_result, uid: int) -> tuple[str, str] | None:
    """What is wrong with a file that only this user may read, and the command that mends it. Pure.

    What belongs to others is removed and not taken over: its content came from them.
    """
    place, mode = shlex.quote(path), stat.S_IMODE(found.st_mode)
    if stat.S_ISDIR(found.st_mode):
        return "it is a directory, expected a file", f"rm -r {place}"
    if not stat.S_ISREG(found.st_mode):
        kind = "a symbolic link" if stat.S_ISLNK(found.st_mode) else "a pipe, a socket or a device"
        return f"it is {kind}, expected a file", f"rm {place}"
    if found.st_uid != uid:
        return f"it belongs to user {found.st_uid}, expected user {uid}", f"rm -f {place}"
    if found.st_nlink > 1:
        return f"it has {found.st_nlink} names (hard links), expected one", f"rm {place}"
    if mode & 0o077:
        return f"its mode is {mode:04o}, expected 0600", f"chmod 600 {place}"
    return None


def _hidden_by(path: Path) -> ForeignWriter | None:
    """The nearest directory above that can be seen, if it belongs to somebody else."""
    for above in path.parents:
        try:
            facts = facts_of(str(above))
        except OSError:
            continue
        return None if facts is None else judge(facts, trusted_users(), "own")
    return None
