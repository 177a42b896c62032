"""Opens a root once, and walks below it by descriptors: no link on the way is followed.

Where the platform opens names relative to a descriptor (Linux, macOS), nobody who exchanges a directory for a
link gains by it: each step is one call that refuses a link. On Windows each step is looked at before it is
taken, and a link or junction (a reparse point) is refused; making one takes a right that others lack.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

BY_DESCRIPTOR: Final = os.name == "posix" and {os.open, os.stat, os.unlink, os.mkdir, os.rename} <= set(
    os.supports_dir_fd
)
"""Whether names can be opened relative to an open directory."""

_OPEN: Final = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
_OPEN_STEP: Final = _OPEN | getattr(os, "O_NOFOLLOW", 0)
_REPARSE_POINT: Final = 0x400


class RootDirectory:
    """A directory that names from outside are resolved below.

    Unless it is held, each use opens it by its path. While it is held, what has its path by then does not
    matter.

    Attributes:
        path: of the directory. Its own links are followed: a person chose it.
    """

    def __init__(self, path: Path) -> None:
        """Open nothing yet."""
        self.path = path
        self._descriptor = -1
        self._lock = threading.Lock()

    def hold(self) -> int:
        """Keep the directory open from now on; returns its descriptor, or -1 where there are none.

        Raises:
            OSError: it is not there, or no directory.
        """
        if not BY_DESCRIPTOR:
            return -1
        descriptor = os.open(self.path, _OPEN)
        with self._lock:
            former, self._descriptor = self._descriptor, descriptor
        if former >= 0:
            os.close(former)
        return descriptor

    def release(self) -> None:
        """Let go of the directory; harmless if it is not held."""
        with self._lock:
            former, self._descriptor = self._descriptor, -1
        if former >= 0:
            os.close(former)

    def descend(self, parts: Sequence[str]) -> int:
        """Open a directory below the root; the caller closes the descriptor.

        Args:
            parts: names that lead there; none of them is followed if it is a link.

        Raises:
            OSError: there is no such directory, or a link lies on the way.
        """
        descriptor = self._open()
        for number, part in enumerate(parts):
            try:
                following = os.open(part, _OPEN_STEP, dir_fd=descriptor)
            except OSError as error:
                refusal = self._refusal(error, descriptor, parts[: number + 1])
                os.close(descriptor)
                raise refusal from error
            os.close(descriptor)
            descriptor = following
        return descriptor

    @contextlib.contextmanager
    def opened(self, parts: Sequence[str]) -> Iterator[int]:
        """A descriptor of a directory below the root, for the length of a block; else as `descend`.

        Raises:
            OSError: there is no such directory, or a link lies on the way.
        """
        descriptor = self.descend(parts)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def checked(self, parts: Sequence[str]) -> Path:
        """The path of a directory below the root, after a look at each step: where there are no descriptors.

        Raises:
            OSError: a link lies on the way.
        """
        path = self.path
        for part in parts:
            path = path / part
            if is_link(os.lstat(path)):
                raise link_in_the_way(path)
        return path

    def __del__(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)

    def _open(self) -> int:
        with self._lock:
            if self._descriptor >= 0:
                return os.dup(self._descriptor)
        return os.open(self.path, _OPEN)

    def _refusal(self, error: OSError, parent: int, parts: Sequence[str]) -> OSError:
        """The error of a step, which names the whole path, and says so if a link is the reason."""
        path = self.path.joinpath(*parts)
        if error.errno in (errno.ENOTDIR, errno.ELOOP):
            with contextlib.suppress(OSError):
                if is_link(os.stat(parts[-1], dir_fd=parent, follow_symlinks=False)):
                    return link_in_the_way(path)
        return OSError(error.errno, error.strerror, str(path))


class PlaceRefused(OSError):
    """Something lies there that is not used. Its words are a sentence for people."""

    def __str__(self) -> str:
        return f"{self.filename}: {self.strerror}"


def is_link(found: os.stat_result) -> bool:
    """Whether what `lstat` found leads elsewhere: a symbolic link, or a junction of Windows."""
    return stat.S_ISLNK(found.st_mode) or bool(getattr(found, "st_file_attributes", 0) & _REPARSE_POINT)


def link_in_the_way(path: Path) -> PlaceRefused:
    """The error that says so."""
    return PlaceRefused(errno.ELOOP, "a link lies there, which is not followed; remove it", str(path))
