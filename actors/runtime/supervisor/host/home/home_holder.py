"""Finds the process that holds a home, as the kernel knows it: neither a file nor a reused number can lie."""

from __future__ import annotations

import os
import select
import signal
import struct
import sys
import time
from pathlib import Path
from typing import Final

from actors.runtime.supervisor.host.home.home_lock import HOLDER_NAME
from actors.shared.durable.directory_lock import LOCK_NAME, holder_of
from actors.shared.durable.process_identity import is_same_process
from bus.discovery import is_alive
from bus.errors import UndercroftError

POLL_SECONDS: Final = 0.02
FLOCK: Final = {"linux": ("hhqqi4x", 4), "darwin": ("qqihh", 2)}
"""Layout of `struct flock`, and where it has the process id."""


class HolderUnseen(UndercroftError):
    """A home is locked, but not by a process that can be told from here.

    Attributes:
        state: the locked state directory.
        detail: why not.
    """

    state: str
    detail: str
    words = "{state}: it is locked, {detail}; end that process where it runs, or wait for it"


class HomeHolder:
    """The process of the supervisor that holds a home. A later one with its number is never mistaken for it.

    Attributes:
        pid: its number.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._descriptor: int | None = None
        if hasattr(os, "pidfd_open"):
            self._descriptor = os.pidfd_open(pid)

    def terminate(self) -> None:
        """Ask it to stop; harmless if it has ended."""
        try:
            if self._descriptor is not None:
                signal.pidfd_send_signal(self._descriptor, signal.SIGTERM)
            else:
                os.kill(self.pid, signal.SIGTERM)
        except ProcessLookupError:
            return

    def wait(self, timeout_seconds: float) -> bool:
        """Wait for its end; False if it has not ended in time."""
        if self._descriptor is not None:
            poll = select.poll()
            poll.register(self._descriptor, select.POLLIN)
            return bool(poll.poll(max(0.0, timeout_seconds) * 1000))
        deadline = time.monotonic() + timeout_seconds
        while is_alive(self.pid):
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_SECONDS)  # other platforms report an end to the parent only
        return True

    def close(self) -> None:
        """Forget the process."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


def find_holder(state: Path) -> HomeHolder | None:
    """The supervisor that holds a home; None: none does.

    Raises:
        HolderUnseen: somebody holds it, but it cannot be told who.
    """
    pid = holder_pid(state)
    if pid is None:
        return None
    try:
        holder = HomeHolder(pid)
    except OSError:
        return None  # it ended just now
    if holder_pid(state) != pid:  # the number may have passed to another before it was opened
        holder.close()
        return None
    return holder


def holder_pid(state: Path) -> int | None:
    """Number of the process that holds a home; None: none does.

    Raises:
        HolderUnseen: somebody holds it, but it cannot be told who.
    """
    path = state / LOCK_NAME
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise HolderUnseen(str(state), f"and its lock cannot be read ({error.strerror})") from error
    try:
        pid = _pid_of_lock(descriptor)
        if pid > 0:
            return pid
        if _is_free(descriptor, path):
            return None
    finally:
        os.close(descriptor)
    note = holder_of(state)
    if note is not None and note.name.startswith(HOLDER_NAME) and is_same_process(note.pid, note.started):
        return note.pid
    who = f"by {note.name} (process {note.pid})" if note else "and nobody says by whom"
    raise HolderUnseen(str(state), who)


def _pid_of_lock(descriptor: int) -> int:
    """Whom the kernel names as the holder of the supervisor's byte; 0: nobody. POSIX only."""
    if sys.platform not in FLOCK:
        return 0
    import fcntl

    layout, place = FLOCK[sys.platform]
    if sys.platform == "darwin":
        wanted = struct.pack(layout, 0, 1, 0, fcntl.F_WRLCK, os.SEEK_SET)
    else:
        wanted = struct.pack(layout, fcntl.F_WRLCK, os.SEEK_SET, 0, 1, 0)
    try:
        found = struct.unpack(layout, fcntl.fcntl(descriptor, fcntl.F_GETLK, wanted))
    except OSError:
        return 0
    is_locked = fcntl.F_UNLCK not in ((found[0],) if sys.platform != "darwin" else (found[3],))
    return int(found[place]) if is_locked else 0


def _is_free(descriptor: int, path: Path) -> bool:
    """Whether nobody has the lock, found out by sharing it for a moment."""
    if sys.platform == "win32":
        from filelock import FileLock, Timeout

        lock = FileLock(path, mode=0o600, thread_local=False)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return False
        lock.release()
        return True
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return True
