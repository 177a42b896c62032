"""`runtime.json`, by which clients find the bus: replaced whole, removed when stale, restored if lost."""

from __future__ import annotations

import contextlib
import os
import shlex
import stat
import threading
from pathlib import Path
from typing import Final

import msgspec

from actors.shared.durable.directory_lock import LOCK_NAME
from actors.shared.durable.durable_write import replace_file
from actors.shared.durable.quarantine import claim_file
from bus.discovery import RUNTIME_LIMIT_BYTES, Runtime, read_runtime, runtime_path
from bus.errors import NotRunning, UnsafePlace

PRIVATE_MODE: Final = 0o600


def own_runtime_path(app: str, home: str | None, state: Path) -> Path:
    """Where a runtime writes its file: where UNDERCROFT_RUNTIME says, unless that lies in another home."""
    path = runtime_path(app, home)
    is_of_another = path.parent != state and (path.parent / LOCK_NAME).exists()
    return state / path.name if is_of_another else path


class RuntimeFile:
    """`runtime.json` of the runtime that holds the lock of its home. Any other content is stale."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._content: bytes | None = None
        self._lock = threading.Lock()  # it is written on the event loop, and restored in a thread

    def write(self, runtime: Runtime) -> None:
        """Replace the file, mode 0600.

        Raises:
            DurableWriteFailed: it could not be replaced.
        """
        with self._lock:
            self._content = msgspec.json.format(msgspec.json.encode(runtime), indent=2)
            replace_file(self.path, self._content)

    def restore(self) -> bool:
        """Write the file again if it is not what was written last; whether that was so.

        Raises:
            DurableWriteFailed: it could not be replaced.
            OSError: something else lies in its place, and cannot be removed.
        """
        with self._lock:
            if self._content is None or self._is_whole():
                return False
            if self.path.is_symlink() or not self.path.is_file():
                self._clear()
            replace_file(self.path, self._content)
            return True

    def remove_stale(self) -> int | None:
        """Remove the file of an earlier runtime. Call it under the lock of the home: its writer has ended.

        Returns:
            The process id in it; None if there is none.
        """
        if not os.path.lexists(self.path):
            return None
        pid = None
        with contextlib.suppress(NotRunning):
            pid = read_runtime(self.path).pid
        self._clear()
        return pid

    def remove(self, pid: int) -> None:
        """Remove the file if this process wrote it, or if nobody would believe it; under the same lock."""
        with self._lock:
            self._content = None
            with contextlib.suppress(NotRunning, OSError):
                try:
                    is_ours = read_runtime(self.path).pid == pid
                except UnsafePlace:
                    is_ours = True
                if is_ours:
                    self.path.unlink(missing_ok=True)

    def _clear(self) -> None:
        """Make room: a link would lead to a file of somebody else, and that would be replaced.

        A directory is put aside, with all that lies in it.

        Raises:
            UnsafePlace: the directory cannot be put aside.
            OSError: what lies there cannot be removed.
        """
        if not self.path.is_symlink() and self.path.is_dir():
            try:
                claim_file(self.path)
            except OSError as error:
                step = f"rm -r {shlex.quote(str(self.path))}"
                raise UnsafePlace(str(self.path), "it is a directory, expected a file", step) from error
        else:
            self.path.unlink(missing_ok=True)

    def _is_whole(self) -> bool:
        try:
            descriptor = os.open(
                self.path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
            )
        except OSError:
            return False
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                return False
            if os.name == "posix" and (
                stat.S_IMODE(found.st_mode) != PRIVATE_MODE
                or found.st_uid != os.geteuid()
                or found.st_nlink != 1
            ):
                return False
            return os.read(descriptor, RUNTIME_LIMIT_BYTES) == self._content
        finally:
            os.close(descriptor)
