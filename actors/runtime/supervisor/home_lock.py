"""One supervisor for each home: holds the lock of the state directory for as long as it lives."""

from __future__ import annotations

from pathlib import Path

from actors.shared.durable.directory_lock import DirectoryLock, DirectoryLocked, Holder
from bus.errors import OperatorError

HOLDER_NAME = "the supervisor"


class AlreadyRunning(OperatorError):
    """Another supervisor has this home.

    Attributes:
        state: the state directory that is taken.
        holder: who has it; None if that could not be read.
    """

    state: str
    holder: Holder | None

    def __str__(self) -> str:
        who = f"process {self.holder.pid}" if self.holder else "another process"
        return f"{self.state}: a runtime is up already ({who}); see 'undercroft status', or end it with 'undercroft down'"


def take_home(state: Path, app: str) -> DirectoryLock:
    """Take the state directory for this process; the lock goes with the process, so a killed one leaves nothing to clean.

    Raises:
        AlreadyRunning: another supervisor has it.
        OSError: the directory cannot be made or written to.
    """
    lock = DirectoryLock(state, f"{HOLDER_NAME} of {app}")
    try:
        lock.acquire()
    except DirectoryLocked as error:
        raise AlreadyRunning(str(state), error.holder) from error
    return lock
