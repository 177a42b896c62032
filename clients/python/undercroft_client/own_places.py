"""Refuses a `runtime.json`, or a directory of sockets, that another user owns, can write to or can replace.

A path is judged from the root of the file system down. In a directory that was judged nobody else can change
the next name, so nothing can be swapped between the look and the use. Windows keeps others out by the access
lists that a profile's directories inherit; there, nothing is judged.
"""

from __future__ import annotations

import errno
import os
import shlex
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from undercroft_client.errors import UnsafePlace

IPC_PREFIX: Final = "ipc://"
LINKS_LIMIT: Final = 40
ACCESS_LIST: Final = "system.posix_acl_access"
ROOT: Final = 0
NOT_OPENED: Final = (errno.ELOOP, errno.EMLINK, errno.ENXIO, errno.EACCES)
"""What opening says of a link, a socket, or a file of somebody else."""


def check_directory(path: Path, *, is_ours: bool = True) -> None:
    """Refuse a directory that is not ours alone; it need not exist.

    Args:
        path: of it.
        is_ours: False for one in which only what is ours already has to stay ours.

    Raises:
        UnsafePlace: others own it, can write to it, or can put another in its place.
    """
    if os.name == "nt":
        return
    above = ""
    try:
        for name, found, is_end in _way(path):
            _judge(name, found, is_ours=is_ours and is_end)
            above = name
    except PermissionError:  # the directory does not show us what lies in it
        _judge(above, os.stat(above), is_ours=True)
    except OSError:
        return  # it cannot be reached; opening it says why


def check_endpoints(*endpoints: str) -> None:
    """Refuse ZeroMQ endpoints at which others could listen in place of the broker.

    Raises:
        UnsafePlace: the directory of a socket is not ours alone. A loopback port is told by its keys.
    """
    for endpoint in endpoints:
        path = Path(endpoint.removeprefix(IPC_PREFIX))
        if endpoint.startswith(IPC_PREFIX) and path.is_absolute():  # no runtime writes a relative one
            check_directory(path.parent)


def open_own_file(path: Path) -> int:
    """Open a file that only we can read or replace; returns its descriptor.

    Raises:
        UnsafePlace: others own it, can read it or can replace it, or it is no file with one name.
        OSError: it is absent, or cannot be read.
    """
    check_directory(path.parent, is_ours=False)  # a sticky one will do: the file itself is judged below
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    flags |= getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        if os.name != "nt" and error.errno in NOT_OPENED:
            _judge_file(path, os.lstat(path))
        raise
    try:
        if os.name != "nt":
            _judge_file(path, os.fstat(descriptor))
    except UnsafePlace:
        os.close(descriptor)
        raise
    return descriptor


def _way(path: Path) -> Iterator[tuple[str, os.stat_result, bool]]:
    """Each directory and link on the way, and whether it is what the path leads to.

    Raises:
        OSError: something on the way is missing, or cannot be seen.
    """
    at, links = os.sep, 0
    rest = _names(str(path) if path.is_absolute() else os.path.join(os.getcwd(), path))
    yield at, os.lstat(at), not rest
    while rest:
        name = rest.pop()
        here = os.path.dirname(at) if name == os.pardir else os.path.normpath(os.path.join(at, name))
        found = os.lstat(here)
        if not stat.S_ISLNK(found.st_mode):
            at = here
            yield at, found, not rest
            continue
        links += 1
        if links > LINKS_LIMIT:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
        yield here, found, False
        target = os.readlink(here)
        at = os.sep if target.startswith(os.sep) else at
        rest += _names(target) or [os.curdir]


def _names(path: str) -> list[str]:
    """The names of a path, the first one last."""
    return [name for name in reversed(path.split(os.sep)) if name not in ("", os.curdir)]


def _judge(path: str, found: os.stat_result, *, is_ours: bool) -> None:
    uid, mode, place = os.geteuid(), stat.S_IMODE(found.st_mode), shlex.quote(path)
    sudo = "sudo " if uid and found.st_uid != uid else ""
    if is_ours and mode & stat.S_ISVTX and (mode & stat.S_IWOTH or found.st_uid != uid):
        detail = f"it is shared by all users (mode {mode:04o}), expected a directory of one user"
        raise UnsafePlace(path, detail, f'mkdir -m 700 {place}/"undercroft-$(id -u)"')
    if found.st_uid != uid and (is_ours or not _is_root(found.st_uid)):
        flag = "-R" if is_ours else "-h"
        detail = f"it belongs to user {found.st_uid}, expected user {uid}"
        raise UnsafePlace(path, detail, f"{sudo}chown {flag} {uid} {place}")
    if stat.S_ISLNK(found.st_mode):
        return
    if not stat.S_ISDIR(found.st_mode):
        raise UnsafePlace(path, "it is not a directory", f"mv {place} {place}.away")
    if mode & stat.S_ISVTX and not is_ours:
        return
    if mode & stat.S_IWOTH or (mode & stat.S_IWGRP and not _is_private(path, found.st_gid)):
        is_open = mode & stat.S_IWOTH
        who, what = ("every user", "go-w") if is_open else (f"group {found.st_gid}", "g-w")
        detail = f"{who} may write to it (mode {mode:04o}), expected its owner alone"
        raise UnsafePlace(path, detail, f"{sudo}chmod {what} {place}")


def _judge_file(path: Path, found: os.stat_result) -> None:
    uid, mode, place = os.geteuid(), stat.S_IMODE(found.st_mode), shlex.quote(str(path))
    if not stat.S_ISREG(found.st_mode):
        what = "a directory" if stat.S_ISDIR(found.st_mode) else "a link, a pipe, a socket or a device"
        command = f"rm {'-r ' if stat.S_ISDIR(found.st_mode) else ''}{place}"
        raise UnsafePlace(str(path), f"it is {what}, expected a file", command)
    if found.st_uid != uid:
        detail = f"it belongs to user {found.st_uid}, expected user {uid}"
        raise UnsafePlace(str(path), detail, f"rm -f {place}")
    if found.st_nlink > 1:
        detail = f"it has {found.st_nlink} names (hard links), expected one"
        raise UnsafePlace(str(path), detail, f"rm {place}")
    if mode & 0o077:
        raise UnsafePlace(str(path), f"its mode is {mode:04o}, expected 0600", f"chmod 600 {place}")


def _is_private(path: str, gid: int) -> bool:
    """Whether this group has the user's name and no other members, as many systems make it for each user."""
    uid = os.geteuid()
    if uid == ROOT or gid != os.getegid():
        return False
    import grp
    import pwd

    try:
        os.getxattr(path, ACCESS_LIST)
        return False  # the bits of the group are then a mask for others as well
    except (OSError, AttributeError):
        pass
    try:
        name, group = pwd.getpwuid(uid).pw_name, grp.getgrgid(gid)
    except (KeyError, OSError):
        return False
    return group.gr_name == name and set(group.gr_mem) <= {name}


def _is_root(uid: int) -> bool:
    """Whether this is root, or stands for it in a user namespace that knows neither root nor this number."""
    if uid == ROOT:
        return True
    try:
        unmapped = int(Path("/proc/sys/kernel/overflowuid").read_text(encoding="ascii"))
        lines = Path("/proc/self/uid_map").read_text(encoding="ascii").splitlines()
        known = [
            range(first, first + count) for first, _, count in (map(int, line.split()) for line in lines)
        ]
    except (OSError, ValueError):
        return False
    return uid == unmapped and not any(number in some for some in known for number in (ROOT, unmapped))
