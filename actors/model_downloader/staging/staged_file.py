"""One staged file: bytes are written at their place, and made durable by whoever asks for it."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path

from actors.shared.durable.durable_write import make_directory, sync_data, sync_directory
from bus.errors import UndercroftError


class DiskFailed(UndercroftError):
    """Bytes could not be kept.

    Attributes:
        path: the file.
        errno: the operating system's number for it.
        reason: its words.
    """

    path: str
    errno: int
    reason: str
    words = "{path}: cannot be written ({reason})"


class StagedFile:
    """A file that is written in several places at once.

    `write` returns once the kernel has the bytes; `sync` once they are on the platters.
    """

    def __init__(self, path: Path) -> None:
        """Raises DiskFailed if the file cannot be opened; a link under its name is not followed."""
        self.path = path
        self._seeking = threading.Lock()
        self._descriptor = -1
        try:
            make_directory(path.parent)
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
            self._descriptor = os.open(path, flags, 0o600)
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
        """Bring everything that was written to the platters. After a failure it must not be tried again.

        Raises:
            DiskFailed: that failed.
        """
        try:
            sync_data(self._descriptor)
        except (OSError, UndercroftError) as error:
            raise disk_failed(self.path, error) from error

    def cut(self, size_bytes: int) -> None:
        """Drop what lies beyond a length.

        Raises:
            DiskFailed: that failed.
        """
        try:
            os.ftruncate(self._descriptor, size_bytes)
        except OSError as error:
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


def disk_failed(path: Path, error: OSError | UndercroftError) -> DiskFailed:
    """The failure that the operating system's error amounts to."""
    number = getattr(error, "errno", 0) or 0
    return DiskFailed(
        str(path), number, getattr(error, "strerror", None) or getattr(error, "reason", None) or str(error)
    )
