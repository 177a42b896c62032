"""Looks along a path, and tells who else could write there or put something else in its place.

From the root of the file system down each directory, and each link that leads on, is looked at. Blocks, since
disks and the system's lists of users do. On Windows nothing is judged: homes there inherit an access list
that keeps other users out.
"""

from __future__ import annotations

import errno
import functools
import os
import stat
from pathlib import Path
from typing import Final

from bus.write_access import ForeignWriter, PathFacts, Role, TrustedUsers, access_entries, judge

LINKS_LIMIT: Final = 40
"""More links on one path than the kernel follows, too."""

_ACCESS_LIST: Final = "system.posix_acl_access"
_ADMIN_OF_MACOS: Final = 80


def foreign_writer(path: str | os.PathLike[str], role: Role = "root") -> ForeignWriter | None:
    """Who else may write to a path, or replace it; None if nobody, or if the platform does not say.

    What is missing is not judged: it is going to be made by this user, in a place that was judged.

    Args:
        path: absolute; its links are followed, and judged as well.
        role: of what lies at its end; all directories above are a way to it.

    Raises:
        OSError: it cannot be looked at, or its links go in a circle.
    """
    if os.name == "nt":
        return None
    trusted = trusted_users()
    at, links = "/", 0
    path = os.fspath(path)
    whole = path if os.path.isabs(path) else os.path.join(os.getcwd(), path)
    rest = [part for part in reversed(whole.split("/")) if part not in ("", ".")]
    while True:
        facts = facts_of(at)
        if facts is None:
            return None
        if stat.S_ISLNK(facts.mode):
            links += 1
            if links > LINKS_LIMIT:
                raise OSError(errno.ELOOP, "its links go in a circle", str(path))
            target = os.readlink(at)
            found = judge(facts, trusted, "way")
            at = os.path.dirname(at) if not target.startswith("/") else "/"
            rest += [part for part in reversed(target.split("/")) if part not in ("", ".")]
        else:
            found = judge(facts, trusted, role if not rest else "way")
        if found is not None or not rest:
            return found
        part = rest.pop()
        at = os.path.dirname(at) if part == ".." else os.path.join(at, part)


def facts_of(path: str) -> PathFacts | None:
    """What there is to see of a path, without following a link; None if nothing has this name.

    Raises:
        OSError: it cannot be looked at.
    """
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return _facts(path, found, path)


def trusted_users() -> TrustedUsers:
    """The user of this process, and root; also who stands for root in a container of another user."""
    others = {0}
    if (unmapped := _unmapped_user()) is not None:
        others.add(unmapped)
    return TrustedUsers(os.geteuid(), frozenset(others), _is_group_ours)


def _facts(path: str, found: os.stat_result, readable: str | int) -> PathFacts:
    access = None
    if hasattr(os, "getxattr") and not stat.S_ISLNK(found.st_mode):
        try:
            access = access_entries(os.getxattr(readable, _ACCESS_LIST), found.st_gid)
        except OSError:  # no list, or no such lists on this file system
            access = None
    return PathFacts(path, found.st_uid, found.st_gid, found.st_mode, access)


def _is_group_ours(gid: int) -> bool:
    """Whether nobody is in this group but this user and root, as in the private groups of Debian and Fedora.

    A group without any member is not: set-group-id programs use those.
    """
    import grp
    import pwd
    import sys

    if sys.platform == "darwin" and gid == _ADMIN_OF_MACOS:
        return True  # they may become root
    if os.geteuid() == 0:
        return False  # root has no private group: who joins its group is nobody's business but an error
    allowed = {os.geteuid(), 0}
    members = {entry.pw_uid for entry in pwd.getpwall() if entry.pw_gid == gid}
    try:
        for name in grp.getgrgid(gid).gr_mem:
            members.add(pwd.getpwnam(name).pw_uid)
    except KeyError:  # a group or a member without an entry: nobody knows who that is
        return False
    return bool(members) and members <= allowed


@functools.cache
def _unmapped_user() -> int | None:
    """The user that stands for root where this process lives in a user namespace that does not know root."""
    try:
        lines = Path("/proc/self/uid_map").read_text(encoding="ascii").splitlines()
        unmapped = int(Path("/proc/sys/kernel/overflowuid").read_text(encoding="ascii"))
        for first, _, count in (map(int, line.split()) for line in lines):
            if any(uid in range(first, first + count) for uid in (0, unmapped)):
                return None  # then this number is a user of its own
        return unmapped
    except (OSError, ValueError):
        return None
