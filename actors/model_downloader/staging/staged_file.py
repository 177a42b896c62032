"""One staged file: several connections write bytes at their places, and another thread makes them durable."""

from __future__ import annotations

import contextlib
import os
import threading

from actors.shared.durable.durable_write import make_directory, sync_data, sync_directory
from actors.shared.places.rooted_place import AnyPlace, placed
from bus.errors import UndercroftError


class DiskFailed(UndercroftError):
    """The disk refused bytes.

    Attributes:
        path: the file.
        errno: the operating system's number of the error.
        reason: its words.
    """

    path: str
    errno: int
    reason: str
    words = "{path}: cannot be written ({reason})"


class StagedFile:
    """A file that is written in several places at once.

    `write` returns once the kernel has the bytes; `sync` once they are on the disk.
    """

    def __init__(self, path: AnyPlace) -> None:
        """Open the file, or create it; a link under its name is not followed.

        Raises:
            DiskFailed: it cannot be opened.
        """
        self.path = path
        self._seeking = threading.Lock()
        self._descriptor = -1
        try:
            make_directory(path.parent)
            self._descriptor = placed(path).open(os.O_RDWR | os.O_CREAT)
            sync_directory(path.parent)
        except (OSError, UndercroftError) as error:
            self.close()
            raise disk_failed(path, error) from error

    @property
    def descriptor(self) -> int:
        """For system calls that copy from another file."""
        return self._descriptor

    def write(self, position: int, content: memoryview | bytes) -> None:
        """Write bytes at a position.

        Raises:
            DiskFailed: the disk is full or broken.
        """
        view = memoryview(content)
        try:
            while view:
                written = self._write_at(view, position)
                view = view[written:]
                position += written
        except OSError as error:
            raise disk_failed(self.path, error) from error

    def sync(self) -> None:
        """Make everything durable that was written. After a failure it must not be tried again.

        Raises:
            DiskFailed: that failed, and the kernel may have dropped what was written.
        """
        try:
            sync_data(self._descriptor)
        except (OSError, UndercroftError) as error:
            raise disk_failed(self.path, error) from error

    def close(self) -> None:
        """Close the file; harmless if it is closed."""
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = -1

    def _write_at(self, view: memoryview, position: int) -> int:
        if hasattr(os, "pwrite"):
            return os.pwrite(self._descriptor, view, position)
        with self._seeking:  # Windows
            os.lseek(self._descriptor, position, os.SEEK_SET)
            return os.write(self._descriptor, view)


def disk_failed(path: AnyPlace, error: Exception) -> DiskFailed:
    """The failure that an error while writing amounts to."""
    number = getattr(error, "errno", 0) or 0
    reason = getattr(error, "strerror", None) or getattr(error, "reason", None) or str(error) or repr(error)
    return DiskFailed(str(path), number, reason)
