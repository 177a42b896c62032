"""Writes one file of a staging directory: the fetching thread writes, a thread behind it makes the bytes durable."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from actors.model_downloader import pace
from actors.storage.durable import make_directory, sync_data, sync_directory
from bus.errors import UndercroftError

TICK_SECONDS = pace.SYNC_INTERVAL_SECONDS / 2


class DiskFailed(UndercroftError):
    """Bytes could not be kept.

    Attributes:
        path: the file.
        errno: the operating system's number for it.
        reason: its words.
    """

    def __init__(self, path: str, errno: int, reason: str) -> None:
        super().__init__(path, errno, reason)
        self.path = path
        self.errno = errno
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path}: cannot be written ({self.reason})"


class PartialFile:
    """A file that grows at its end.

    `write` returns once the kernel has the bytes. They count as durable, and `on_durable` is told of them, after they were
    brought to the platters by a thread of its own, so that the network does not wait for the disk. Use as a context.
    """

    def __init__(self, path: Path, position: int, on_durable: Callable[[int], None], strict: bool) -> None:
        """Args: position: bytes that are there already; strict: see `pace.sync_due`."""
        self._path = path
        self._on_durable = on_durable
        self._strict = strict
        self._descriptor = -1
        self._written = self._durable = position
        self._failure: OSError | UndercroftError | None = None
        self._closing = False
        self._changed = threading.Condition()
        self._syncing = threading.Lock()  # held while bytes are brought to the platters; taken before `_changed`
        self._thread = threading.Thread(target=self._sync_behind, name=f"sync {path.name}", daemon=True)

    @property
    def position(self) -> int:
        """How many bytes the file has."""
        return self._written

    def __enter__(self) -> Self:
        try:
            make_directory(self._path.parent)
            self._open()
        except OSError as error:
            raise self._failed(error) from error
        self._thread.start()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """Make the rest durable.

        Raises:
            DiskFailed: that failed, now or earlier.
        """
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join()
        with contextlib.suppress(OSError):
            os.close(self._descriptor)
        if self._failure is not None and kind is None:
            raise self._failed(self._failure)

    def write(self, piece: bytes) -> None:
        """Append bytes.

        Raises:
            DiskFailed: the disk is full or broken, or an earlier piece could not be made durable.
        """
        view = memoryview(piece)
        try:
            while view:
                view = view[os.write(self._descriptor, view) :]
        except OSError as error:
            self._written = os.fstat(self._descriptor).st_size
            raise self._failed(error) from error
        with self._changed:
            idle = not self._pending
            self._written += len(piece)
            if idle or pace.sync_due(self._pending, 0.0, self._strict):
                self._changed.notify_all()
            while pace.must_wait(self._pending, self._strict) and self._failure is None:
                self._changed.wait()
            if self._failure is not None:
                raise self._failed(self._failure)

    def start_over(self) -> None:
        """Discard all bytes. The name means a new file afterwards, so that whoever read the old one can tell.

        Raises:
            DiskFailed: the new file cannot be made.
        """
        with self._syncing, self._changed:
            try:
                os.close(self._descriptor)
                self._path.unlink()
                self._written = self._durable = 0
                self._open()
            except OSError as error:
                raise self._failed(error) from error
        self._on_durable(0)

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
        self._descriptor = os.open(self._path, flags, 0o600)
        os.ftruncate(self._descriptor, self._written)
        os.lseek(self._descriptor, self._written, os.SEEK_SET)
        sync_directory(self._path.parent)

    def _sync_behind(self) -> None:
        synced_at = time.monotonic()
        while self._failure is None:
            with self._changed:
                while not self._closing and not pace.sync_due(self._pending, time.monotonic() - synced_at, self._strict):
                    self._changed.wait(TICK_SECONDS if self._pending else None)
                if self._closing and not self._pending:
                    return
            with self._syncing:
                self._sync()
            with self._changed:
                self._changed.notify_all()
            synced_at = time.monotonic()

    @property
    def _pending(self) -> int:
        return self._written - self._durable

    def _sync(self) -> None:
        written = self._written
        try:
            sync_data(self._descriptor)
            self._durable = written
            self._on_durable(written)
        except (OSError, UndercroftError) as error:
            self._failure = error

    def _failed(self, error: OSError | UndercroftError) -> DiskFailed:
        number = getattr(error, "errno", 0) or 0
        return DiskFailed(str(self._path), number, getattr(error, "strerror", None) or str(error))
