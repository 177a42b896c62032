"""Reads a file up to a limit, and names whatever else lies in its place."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Final, Literal

from bus.errors import OperatorError

SIZE_LIMIT_BYTES: Final = 96 * 1024 * 1024
UnreadableReason = Literal[
    "unreadable", "directory", "not_a_file", "outside", "broken_link", "too_large", "failing_disk"
]
"""Why a file that is there was not read. `unreadable`: permissions. `not_a_file`: a pipe, socket or device.
`outside`: a symbolic link that leads out of the root. `broken_link`: one that leads nowhere, or in a circle.
`failing_disk`: the system could not read it (EIO); it may be readable again."""


class FileUnreadable(OperatorError):
    """Something lies there that was not read. That says nothing about its content, so leave it alone.

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
    "outside": "it is a link that leads out of its place",
    "broken_link": "it is a link that leads nowhere",
    "too_large": "it is too large",
    "failing_disk": "the system could not read it",
}
_ADVICE: Final[dict[UnreadableReason, str]] = {
    "unreadable": "make it readable for this user",
    "directory": "move the directory away",
    "not_a_file": "move it away",
    "outside": "put the file itself in place of the link",
    "broken_link": "remove the link, or mount what it leads to",
    "too_large": "move it away, or split it",
    "failing_disk": "check the disk",
}


def read_file(path: Path, limit_bytes: int = SIZE_LIMIT_BYTES, root: Path | None = None) -> bytes | None:
    """The content of a file; None if nothing has that name. Follows a symbolic link, as `replace_file` does.

    Never blocks on pipes and devices.

    Args:
        path: of the file.
        limit_bytes: a longer file is not read.
        root: a link that leads out of this directory is not followed; None: any link is.

    Raises:
        FileUnreadable: something is there that cannot be read, or is no file.
    """
    if root is not None and not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root)):
        raise FileUnreadable(str(path), "outside", f"expected it within {root}")
    flags = (
        os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    )
    try:
        descriptor = os.open(path, flags)
    except FileNotFoundError as error:
        if path.is_symlink():
            raise FileUnreadable(str(path), "broken_link", os.readlink(path)) from error
        return None
    except OSError as error:
        raise FileUnreadable(str(path), _found(error, path), error.strerror or str(error)) from error
    try:
        return _read(descriptor, path, limit_bytes)
    except OSError as error:
        raise FileUnreadable(str(path), _found(error, path), error.strerror or str(error)) from error
    finally:
        os.close(descriptor)


def _read(descriptor: int, path: Path, limit_bytes: int) -> bytes:
    status = os.fstat(descriptor)
    if stat.S_ISDIR(status.st_mode):
        raise FileUnreadable(str(path), "directory", "expected a file")
    if not stat.S_ISREG(status.st_mode):
        raise FileUnreadable(str(path), "not_a_file", "expected a regular file")
    if status.st_size > limit_bytes:
        raise FileUnreadable(
            str(path), "too_large", f"it has {status.st_size} bytes, expected at most {limit_bytes}"
        )
    content = _read_all(descriptor, status.st_size, limit_bytes)
    if len(content) > limit_bytes:
        raise FileUnreadable(str(path), "too_large", f"it has more than {limit_bytes} bytes")
    return content


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


def _found(error: OSError, path: Path) -> UnreadableReason:
    if isinstance(error, IsADirectoryError) or os.path.isdir(path):
        return "directory"
    if isinstance(error, PermissionError):
        return "unreadable"
    if error.errno == errno.ELOOP:
        return "broken_link"
    if error.errno == errno.ENXIO:  # a socket, or a device without a driver
        return "not_a_file"
    return "failing_disk"
