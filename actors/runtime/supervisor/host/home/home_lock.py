"""One supervisor for each home: it holds the lock of the state directory while it lives.

Beside the lock it holds one byte of the same file (a record lock of POSIX), for which the kernel names the
process: `home_holder.py` asks.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import Final, Self

from actors.shared.durable.directory_lock import LOCK_NAME, DirectoryLock, DirectoryLocked, LockHolder
from bus.errors import OperatorError, UnsafePlace
from bus.own_places import check_own_directory

HOLDER_NAME: Final = "the supervisor"
TRIES: Final = 5
TRY_SECONDS: Final = 0.02
"""A command may hold the lock for a moment, to see whether it is free."""


class AlreadyRunning(OperatorError):
    """Another supervisor has this home.

    Attributes:
        state: the locked state directory.
        holder: who holds it; None if that could not be read.
    """

    state: str
    holder: LockHolder | None

    def __str__(self) -> str:
        who = f"process {self.holder.pid}" if self.holder else "another process"
        if self.holder is not None and not self.holder.name.startswith(HOLDER_NAME):
            return f"{self.state}: in use by {self.holder.name} ({who}); try again once it has ended"
        return (
            f"{self.state}: a runtime is already up ({who}); see 'undercroft status', "
            "end it with 'undercroft down', or take its place with 'undercroft up --replace'"
        )


class HomeLock:
    """The lock of a home. A supervisor also holds the byte by which the kernel names its process.

    Attributes:
        state: the state directory.
    """

    def __init__(self, state: Path, name: str, *, is_supervisor: bool) -> None:
        self.state = state
        self._lock = DirectoryLock(state, name)
        self._is_supervisor = is_supervisor
        self._byte_fd = -1

    def acquire(self) -> LockHolder:
        """Take the home; harmless if we have it.

        Raises:
            AlreadyRunning: another process has it.
            UnsafePlace: others own the directory, or can write to it.
            OSError: the directory cannot be created or written to.
        """
        check_own_directory(self.state)
        for tried in range(1, TRIES + 1):
            try:
                holder = self._lock.acquire()
            except DirectoryLocked as error:
                if tried == TRIES:
                    raise AlreadyRunning(str(self.state), error.holder) from error
                time.sleep(TRY_SECONDS)
            else:
                break
        try:
            check_own_directory(self.state)  # as it may just have been made
        except UnsafePlace:
            self._lock.release()
            raise
        if self._is_supervisor and self._byte_fd < 0:
            self._hold_byte()
        return holder

    def restore(self) -> bool:
        """Take the home anew if somebody removed the lock file; whether that was so.

        Raises:
            AlreadyRunning: another process has taken it meanwhile.
            OSError: it cannot be taken.
        """
        try:
            was_gone = self._lock.restore()
        except DirectoryLocked as error:
            raise AlreadyRunning(str(self.state), error.holder) from error
        if was_gone and self._is_supervisor:
            self._hold_byte()
        return was_gone

    def release(self) -> None:
        """Give the home back; harmless if it is not held."""
        self._let_byte_go()
        self._lock.release()

    def _hold_byte(self) -> None:
        self._let_byte_go()
        if os.name != "posix":
            return
        import fcntl

        descriptor = os.open(self.state / LOCK_NAME, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        with contextlib.suppress(OSError):  # where the file system has no record locks, the note has to do
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1)
        self._byte_fd = descriptor

    def _let_byte_go(self) -> None:
        descriptor, self._byte_fd = self._byte_fd, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def take_home(state: Path, app: str, *, is_supervisor: bool = True) -> HomeLock:
    """Lock the state directory for this process. The lock ends with the process, even if it is killed.

    Args:
        state: the state directory.
        app: whose home it is, for people.
        is_supervisor: False for a command that only keeps others out for a moment.

    Raises:
        AlreadyRunning: another supervisor has it.
        UnsafePlace: others own the directory, or can write to it.
        OSError: the directory cannot be created or written to.
    """
    lock = HomeLock(state, f"{HOLDER_NAME} of {app}" if is_supervisor else app, is_supervisor=is_supervisor)
    lock.acquire()
    return lock
