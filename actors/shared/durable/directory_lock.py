"""Gives a directory one owner: a lock that ends with its process, and a note that says who holds it."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import stat
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from actors.shared.durable.durable_write import DurableWriteFailed, make_directory
from actors.shared.durable.process_identity import start_mark
from actors.shared.durable.quarantine import quarantine
from actors.shared.durable.record_file import RecordFile
from bus.errors import OperatorError
from schemas.bounds import ProcessId, UnixSeconds, Word

LOCK_NAME = ".undercroft.lock"
HOLDER_NAME = ".undercroft.holder.json"
HOLDER_LIMIT_BYTES = 4096
log = logging.getLogger(__name__)


class LockHolder(msgspec.Struct, frozen=True, kw_only=True):
    """Who holds a lock, in its own words.

    Attributes:
        pid: of its process.
        name: for people.
        since: seconds since the Unix epoch.
        started: tells its process from a later one with this number; empty where the platform does not.
    """

    pid: ProcessId
    name: Word
    since: UnixSeconds
    started: Word = ""


class DirectoryLocked(OperatorError):
    """Another process owns the directory.

    Attributes:
        directory: that cannot be locked.
        holder: who has it; None if its note cannot be read.
    """

    directory: str
    holder: LockHolder | None

    def __str__(self) -> str:
        if self.holder is None:
            who, advice = "another process", "wait for it to end"
        else:
            since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.holder.since))
            who = f"{self.holder.name} (process {self.holder.pid}, since {since})"
            advice = "stop it first"
        return f"{self.directory}: in use by {who}; {advice}, or choose another directory"


if sys.platform == "win32":
    from filelock import FileLock, Timeout

    class _SystemLock:
        """LockFileEx of a file. Raises BlockingIOError if another process has it."""

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

        @property
        def is_intact(self) -> bool:
            return True  # Windows removes no file that is open

        def take_anew(self) -> bool:
            return False

else:
    import fcntl

    class _SystemLock:
        """flock of a file. Raises BlockingIOError if another process has it.

        `filelock` would do the same, but runs code at each fork, which costs each actor 250 kB of memory.
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
            fd = self._opened()
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(fd)
                raise
            self._fd = fd

        def _opened(self) -> int:
            """The lock file, open; what has its name and is no file of ours is put aside."""
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
            try:
                fd = os.open(self._path, flags, 0o600)
            except PermissionError:
                with contextlib.suppress(OSError):  # never put aside: another process may hold it
                    os.chmod(self._path, 0o600)
                return os.open(self._path, flags, 0o600)
            except OSError as error:
                if error.errno not in (errno.EISDIR, errno.ELOOP, errno.ENXIO):
                    raise
            else:
                if stat.S_ISREG(os.fstat(fd).st_mode):
                    return fd
                os.close(fd)
            aside = quarantine(self._path)
            log.warning("%s was no file, and was renamed to %s", self._path, aside)
            return os.open(self._path, flags, 0o600)

        def release(self) -> None:
            fd, self._fd = self._fd, -1
            fcntl.flock(fd, fcntl.LOCK_UN)  # closing alone would leave it to a forked process
            os.close(fd)

        @property
        def is_intact(self) -> bool:
            """Whether the locked file is the one that is there, for others to find."""
            try:
                found, ours = os.stat(self._path, follow_symlinks=False), os.fstat(self._fd)
            except FileNotFoundError:
                return False
            return (found.st_dev, found.st_ino) == (ours.st_dev, ours.st_ino)

        def take_anew(self) -> bool:
            """Lock the file that is there now, if it is another than the locked one; whether it was."""
            if self.is_intact:
                return False
            former, self._fd = self._fd, -1
            try:
                self.acquire()
            except OSError:
                self._fd = former
                raise
            os.close(former)
            return True

        def __del__(self) -> None:
            if self.is_locked:
                os.close(self._fd)


class DirectoryLock:
    """Exclusive ownership of a directory, until `release` or the end of this process.

    The lock is the operating system's (flock, LockFileEx), so a killed holder leaves nothing to clean up: a
    note without a held lock is stale and is overwritten. Keep the object, because collecting it releases the
    lock. A child that is forked without exec shares the lock, so take it where nothing is forked.
    """

    def __init__(self, directory: Path, name: str) -> None:
        """Take nothing yet.

        Args:
            directory: to own.
            name: of the owner, for people.
        """
        self._directory = directory
        self._name = name
        self._lock = _SystemLock(directory / LOCK_NAME)

    def acquire(self) -> LockHolder:
        """Take the directory; creates it if it is missing.

        Raises:
            DirectoryLocked: another process has it.
            OSError: the directory cannot be created or written to.
        """
        make_directory(self._directory)
        try:
            self._lock.acquire()
        except BlockingIOError:
            raise DirectoryLocked(str(self._directory), holder_of(self._directory)) from None
        return self._write_note()

    def restore(self) -> bool:
        """Take the directory anew if somebody removed or replaced the lock file; whether that was so.

        Raises:
            DirectoryLocked: another process has taken it meanwhile.
            OSError: it cannot be taken.
        """
        make_directory(self._directory)
        try:
            if not self._lock.take_anew():
                return False
        except BlockingIOError:
            raise DirectoryLocked(str(self._directory), holder_of(self._directory)) from None
        self._write_note()
        return True

    def _write_note(self) -> LockHolder:
        pid = os.getpid()
        holder = LockHolder(pid=pid, name=self._name, since=time.time(), started=start_mark(pid))
        with contextlib.suppress(DurableWriteFailed):  # it only explains: a full disk must not stop us
            _note_in(self._directory).write(holder)
        return holder

    def release(self) -> None:
        """Give the directory back; harmless if it is not held."""
        if self._lock.is_locked:
            if self._lock.is_intact:  # else it is the note of another that is there
                with contextlib.suppress(OSError):  # a stranger may have put a directory there
                    (self._directory / HOLDER_NAME).unlink(missing_ok=True)
            self._lock.release()

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def holder_of(directory: Path) -> LockHolder | None:
    """What the note in a directory says; None if it cannot be read. It may be stale: only the lock tells."""
    return _note_in(directory).load()


def _note_in(directory: Path) -> RecordFile[LockHolder]:
    return RecordFile(directory / HOLDER_NAME, LockHolder, limit_bytes=HOLDER_LIMIT_BYTES)
