"""One supervisor for each home: it holds the lock of the state directory while it lives."""

from __future__ import annotations

from pathlib import Path

from actors.shared.durable.directory_lock import DirectoryLock, DirectoryLocked, LockHolder
from bus.errors import OperatorError

HOLDER_NAME = "the supervisor"


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
        return (
            f"{self.state}: a runtime is already up ({who}); see 'undercroft status', "
            "or end it with 'undercroft down'"
        )


def take_home(state: Path, app: str) -> DirectoryLock:
    """Lock the state directory for this process. The lock ends with the process, even if it is killed.

    Raises:
        AlreadyRunning: another supervisor has it.
        OSError: the directory cannot be created or written to.
    """
    lock = DirectoryLock(state, f"{HOLDER_NAME} of {app}")
    try:
        lock.acquire()
    except DirectoryLocked as error:
        raise AlreadyRunning(str(state), error.holder) from error
    return lock
