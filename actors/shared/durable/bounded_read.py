"""Reads a file up to a limit, and names whatever else lies in its place."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Final, Literal

from actors.shared.places.root_directory import link_in_the_way
from actors.shared.places.rooted_place import AnyPlace, at
from bus.errors import OperatorError

SIZE_LIMIT_BYTES: Final = 96 * 1024 * 1024
_OPEN: Final = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
UnreadableReason = Literal[
    "unreadable", "directory", "not_a_file", "link", "outside", "broken_link", "too_large", "failing_disk"
]
"""Why a file that is there was not read. `unreadable`: permissions. `not_a_file`: a pipe, socket or device.
`link`: a symbolic link, and those are not followed. `outside`: one that leads out of the root. `broken_link`:
one that leads nowhere, or in a circle. `failing_disk`: it could not be read (EIO), this time."""


NEVER_A_FILE: Final[frozenset[UnreadableReason]] = frozenset(
    {"directory", "not_a_file", "link", "broken_link", "too_large"}
)
"""Reasons that last: what lies there is no content of ours, so its owner may put it aside and go on."""


class FileUnreadable(OperatorError):
    """Something lies there that was not read. That says nothing about its content.

    Attributes:
        path: of the file.
        found: which of the reasons.
        detail: the operating system's words, or what was expected.
    """

    path: str
    found: UnreadableReason
    detail: str

    def __str__(self) -> str:
        reason, advice = _WORDS[self.found], _ADVICE[self.found]
        return f"{self.path}: not read: {reason} ({self.detail}); nothing was changed; {advice}"


_WORDS: Final[dict[UnreadableReason, str]] = {
    "unreadable": "this user may not read it",
    "directory": "a directory has its name",
    "not_a_file": "it is no regular file",
    "link": "it is a link, and those are not followed here",
    "outside": "it is a link that leads out of its place",
    "broken_link": "it is a link that leads nowhere",
    "too_large": "it is too large",
    "failing_disk": "the system could not read it",
}
_ADVICE: Final[dict[UnreadableReason, str]] = {
    "unreadable": "make it readable for this user",
    "directory": "move the directory away",
    "not_a_file": "move it away",
    "link": "remove the link, or put the file itself in its place",
    "outside": "put the file itself in place of the link",
    "broken_link": "remove the link, or mount what it leads to",
    "too_large": "move it away, or split it",
    "failing_disk": "check the disk",
}


def read_file(
    path: AnyPlace,
    limit_bytes: int = SIZE_LIMIT_BYTES,
    root: Path | None = None,
    *,
    follows_link: bool = False,
) -> bytes | None:
    """The content of a file; None if nothing has that name. Never blocks on pipes and devices.

    Args:
        path: of the file; a link is not followed, as `replace_file` does not.
        limit_bytes: a longer file is not read.
        root: a link to a file within this directory is followed.
        follows_link: any link is.

    Raises:
        FileUnreadable: something is there that cannot be read, or is no file.
    """
    if root is not None and not Path(os.path.realpath(str(path))).is_relative_to(os.path.realpath(root)):
        raise FileUnreadable(str(path), "outside", f"expected it within {root}")
    descriptor = _opened(path, follows=follows_link or root is not None)
    if descriptor is None:
        return None
    try:
        return _read(descriptor, path, limit_bytes)
    except OSError as error:
        raise FileUnreadable(str(path), _found(error, path), error.strerror or str(error)) from error
    finally:
        os.close(descriptor)


def read_beginning(path: AnyPlace, count: int) -> bytes | None:
    """The first bytes of a file, however long it is; None if nothing has that name. Otherwise as `read_file`.

    Raises:
        FileUnreadable: something is there that cannot be read, or is no file.
    """
    descriptor = _opened(path, follows=False)
    if descriptor is None:
        return None
    try:
        _check_kind(os.fstat(descriptor), path)
        return _read_all(descriptor, count, count - 1)
    except OSError as error:
        raise FileUnreadable(str(path), _found(error, path), error.strerror or str(error)) from error
    finally:
        os.close(descriptor)


def _opened(path: AnyPlace, *, follows: bool) -> int | None:
    """A descriptor of what has this name, also of a pipe or a device; None if nothing has."""
    flags = os.O_RDONLY | _OPEN | (0 if follows else getattr(os, "O_NOFOLLOW", 0))
    try:
        with at(path) as (name, directory):
            if os.name == "nt" and not follows and os.path.islink(str(path)):
                raise link_in_the_way(Path(name))
            return os.open(name, flags, dir_fd=directory)
    except FileNotFoundError as error:
        if os.path.islink(str(path)):
            raise FileUnreadable(str(path), "broken_link", os.readlink(str(path))) from error
        return None
    except OSError as error:
        if not follows and os.path.islink(str(path)):
            raise FileUnreadable(str(path), "link", "expected the file itself") from error
        raise FileUnreadable(str(path), _found(error, path), error.strerror or str(error)) from error


def _read(descriptor: int, path: AnyPlace, limit_bytes: int) -> bytes:
    status = os.fstat(descriptor)
    _check_kind(status, path)
    if status.st_size > limit_bytes:
        raise FileUnreadable(
            str(path), "too_large", f"it has {status.st_size} bytes, expected at most {limit_bytes}"
        )
    content = _read_all(descriptor, status.st_size, limit_bytes)
    if len(content) > limit_bytes:
        raise FileUnreadable(str(path), "too_large", f"it has more than {limit_bytes} bytes")
    return content


def _check_kind(status: os.stat_result, path: AnyPlace) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise FileUnreadable(str(path), "directory", "expected a file")
    if not stat.S_ISREG(status.st_mode):
        raise FileUnreadable(str(path), "not_a_file", "expected a regular file")


def _read_all(descriptor: int, size_bytes: int, limit_bytes: int) -> bytes:
    """Read to the end, or one byte past the limit: a file may grow while it is read."""
    pieces, length = [], 0
    while length <= limit_bytes:
        piece = os.read(descriptor, min(max(size_bytes - length, 0) + 1, limit_bytes + 1 - length))
        if not piece:
            break
        pieces.append(piece)
        length += len(piece)
    return b"".join(pieces)


def _found(error: OSError, path: AnyPlace) -> UnreadableReason:
    if isinstance(error, IsADirectoryError) or os.path.isdir(str(path)):
        return "directory"
    if isinstance(error, PermissionError):
        return "unreadable"
    if error.errno == errno.ELOOP:
        return "broken_link"
    if error.errno == errno.ENXIO:  # a socket, or a device without a driver
        return "not_a_file"
    return "failing_disk"
