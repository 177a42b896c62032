"""One owner for a directory: a lock that the operating system drops with its process, and a note that says whose it is."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from actors.shared.durable.durable_write import DurableWriteFailed, make_directory, replace_file
from bus.errors import OperatorError

LOCK_NAME = ".undercroft.lock"
HOLDER_NAME = ".undercroft.holder.json"
HOLDER_LIMIT_BYTES = 4096


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """Who holds a lock, in its own words; `since` is in seconds since the Unix epoch."""

    pid: int
    name: str
    since: float


class DirectoryLocked(OperatorError):
    """Somebody else owns the directory.

    Attributes:
        directory: what was to be locked.
        holder: who has it; None if that could not be read.
    """

    directory: str
    holder: Holder | None

    def __str__(self) -> str:
        if self.holder is None:
            return f"{self.directory}: in use by another process; wait for it to end, or choose another directory"
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.holder.since))
        return f"{self.directory}: in use by {self.holder.name} (process {self.holder.pid}, since {since}); stop it first, or choose another directory"


if sys.platform == "win32":
    from filelock import FileLock, Timeout

    class _SystemLock:
        """LockFileEx of a file; taking what somebody else has raises BlockingIOError."""

        def __init__(self, path: Path) -> None:
            self._lock = FileLock(path, mode=0o600, thread_local=False)

        @property
        def is_locked(self) -> bool:
            return self._lock.is_locked

        def acquire(self) -> None:
            try:
                self._lock.acquire(timeout=0)
            except Timeout:
                raise BlockingIOError from None

        def release(self) -> None:
            self._lock.release()

else:
    import fcntl

    class _SystemLock:
        """flock of a file; taking what somebody else has raises BlockingIOError.

        `filelock` would do the same, but runs code at each fork, which costs every actor a quarter of a
        megabyte.
        """

        def __init__(self, path: Path) -> None:
            self._path = path
            self._fd = -1

        @property
        def is_locked(self) -> bool:
            return self._fd >= 0

        def acquire(self) -> None:
            if self.is_locked:
                return
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(fd)
                raise
            self._fd = fd

        def release(self) -> None:
            fd, self._fd = self._fd, -1
            fcntl.flock(
                fd, fcntl.LOCK_UN
            )  # a forked process that has the descriptor as well does not keep the lock
            os.close(fd)

        def __del__(self) -> None:
            if self.is_locked:
                os.close(self._fd)


class DirectoryLock:
    """Exclusive ownership of a directory, for as long as this process lives or until `release`.

    The lock is the operating system's (flock, LockFileEx), so a killed holder leaves nothing to clean: a note
    without a held lock is stale and is overwritten. Keep the object: the lock is released when it is
    collected. A child
    that is forked without exec shares the lock, so take it where nothing is forked.
    """

    def __init__(self, directory: Path, name: str) -> None:
        self._directory = directory
        self._name = name
        self._lock = _SystemLock(directory / LOCK_NAME)

    def acquire(self) -> Holder:
        """Take the directory, which is created if missing.

        Raises:
            DirectoryLocked: somebody else has it.
            OSError: the directory cannot be created or written to.
        """
        make_directory(self._directory)
        try:
            self._lock.acquire()
        except BlockingIOError:
            raise DirectoryLocked(str(self._directory), holder_of(self._directory)) from None
        holder = Holder(pid=os.getpid(), name=self._name, since=time.time())
        with contextlib.suppress(
            DurableWriteFailed
        ):  # the note only explains; a full disk must not stop the runtime
            replace_file(self._directory / HOLDER_NAME, msgspec.json.encode(holder))
        return holder

    def release(self) -> None:
        """Give the directory back; harmless if it is not held."""
        if self._lock.is_locked:
            (self._directory / HOLDER_NAME).unlink(missing_ok=True)
            self._lock.release()

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def holder_of(directory: Path) -> Holder | None:
    """What the note in a directory says; None if there is none or it cannot be read. Whether it is stale only the lock tells."""
    try:
        with (directory / HOLDER_NAME).open("rb") as file:
            return msgspec.json.decode(file.read(HOLDER_LIMIT_BYTES), type=Holder)
    except (OSError, msgspec.DecodeError):
        return None
