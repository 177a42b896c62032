"""Judges who else may write to a directory or a file, from what `lstat` and its access list say. Pure.

What others may write to cannot be trusted: they can put a link in the place of a file, and what is then
written, cut or deleted is somewhere else. `path_trust` looks at a path on a disk and asks this module.
"""

from __future__ import annotations

import shlex
import stat
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

Role = Literal["own", "root", "way", "file"]
"""`own`: a directory that belongs to this user, as a home does. `root`: a directory whose names must all be
ours. `way`: a directory on the way to it, in which nobody else may rename what is ours; a sticky one such as
`/tmp` will do. `file`: a file that is read or replaced."""

Means = Literal["owner", "group", "others", "access_list"]
"""Why somebody else may write: it belongs to them, or the mode or the access list lets them."""

_ACL_VERSION: Final = 2
_ACL_USER, _ACL_GROUP_OBJ, _ACL_GROUP, _ACL_MASK = 0x02, 0x04, 0x08, 0x10
_WRITE: Final = 2


class AccessEntry(NamedTuple):
    """One entry of a POSIX access list that grants writing, its mask applied.

    Attributes:
        kind: whom it names.
        id: number of that user or group.
    """

    kind: Literal["user", "group"]
    id: int


class PathFacts(NamedTuple):
    """What was seen of one path, a link itself and not its target.

    Attributes:
        path: as people know it.
        uid, gid, mode: as `lstat` says.
        access: what an access list grants beyond the mode; None: there is none, or it cannot be read.
    """

    path: str
    uid: int
    gid: int
    mode: int
    access: tuple[AccessEntry, ...] | None = None


class TrustedUsers(NamedTuple):
    """Who may write to what is ours: this user, and those who may do anything anyway.

    Attributes:
        uid: of this process.
        others: further users, such as root.
        is_ours: whether a group has no members but these users.
    """

    uid: int
    others: frozenset[int]
    is_ours: Callable[[int], bool]

    def has(self, uid: int) -> bool:
        """Whether this user is one of them."""
        return uid == self.uid or uid in self.others


@dataclass(frozen=True, slots=True)
class ForeignWriter:
    """Somebody else may write to a path.

    Attributes:
        path: the directory, link or file.
        means: why they may.
        detail: what was found, and what was expected.
        mend: the command that ends it.
    """

    path: str
    means: Means
    detail: str
    mend: str

    def __str__(self) -> str:
        return f"{self.path}: {self.detail}, so what lies there cannot be trusted; run: {self.mend}"


def judge(facts: PathFacts, trusted: TrustedUsers, role: Role) -> ForeignWriter | None:
    """Who else may write to a path; None if nobody may but the trusted users."""
    place = shlex.quote(facts.path)
    mode = stat.S_IMODE(facts.mode)
    sudo = "sudo " if trusted.uid and facts.uid != trusted.uid else ""
    if not trusted.has(facts.uid) or (role == "own" and facts.uid != trusted.uid):
        detail = f"it belongs to user {facts.uid}, expected user {trusted.uid}"
        if mode & stat.S_ISVTX and role == "own":
            return _shared(facts.path, mode)
        flag = "-R" if role == "own" else "-h"  # what lies in it came from the same hands
        return ForeignWriter(facts.path, "owner", detail, f"{sudo}chown {flag} {trusted.uid} {place}")
    if stat.S_ISLNK(facts.mode) or (role == "way" and mode & stat.S_ISVTX):
        return None
    if mode & stat.S_IWOTH and mode & stat.S_ISVTX and role == "own":
        return _shared(facts.path, mode)
    if mode & stat.S_IWOTH:
        detail = f"every user may write to it (mode {mode:04o}), expected its owner alone"
        return ForeignWriter(facts.path, "others", detail, f"{sudo}chmod go-w {place}")
    named = _named(facts, trusted)
    if named is not None:
        detail = f"its access list lets {named.kind} {named.id} write to it, expected its owner alone"
        return ForeignWriter(facts.path, "access_list", detail, f"{sudo}setfacl -b {place}")
    if facts.access is None and mode & stat.S_IWGRP and not trusted.is_ours(facts.gid):
        detail = f"group {facts.gid} may write to it (mode {mode:04o}), expected its owner alone"
        return ForeignWriter(facts.path, "group", detail, f"{sudo}chmod g-w {place}")
    return None


def _shared(path: str, mode: int) -> ForeignWriter:
    """A directory for all users, such as `/tmp`, is not to be taken over: one below it will do."""
    detail = f"it is shared by all users (mode {mode:04o}), expected a directory of one user"
    return ForeignWriter(path, "others", detail, f'mkdir -m 700 {shlex.quote(path)}/"undercroft-$(id -u)"')


def access_entries(content: bytes, gid: int) -> tuple[AccessEntry, ...] | None:
    """Who may write by the access list in `system.posix_acl_access` (acl(5)), besides owner and others.

    Args:
        content: the extended attribute.
        gid: group of the file, which one of the entries stands for.

    Returns:
        None if it is not such a list.
    """
    if len(content) < 4 or (len(content) - 4) % 8 or struct.unpack_from("<I", content)[0] != _ACL_VERSION:
        return None
    entries = [struct.unpack_from("<HHI", content, at) for at in range(4, len(content), 8)]
    mask = next((rights for tag, rights, _ in entries if tag == _ACL_MASK), _WRITE)
    found: list[AccessEntry] = []
    for tag, rights, number in entries:
        if not rights & mask & _WRITE:
            continue
        if tag == _ACL_USER:
            found.append(AccessEntry("user", number))
        elif tag in (_ACL_GROUP, _ACL_GROUP_OBJ):
            found.append(AccessEntry("group", gid if tag == _ACL_GROUP_OBJ else number))
    return tuple(found)


def _named(facts: PathFacts, trusted: TrustedUsers) -> AccessEntry | None:
    """The first entry of the access list that lets somebody else write."""
    for entry in facts.access or ():
        is_trusted = trusted.has(entry.id) if entry.kind == "user" else trusted.is_ours(entry.id)
        if not is_trusted:
            return entry
    return None
