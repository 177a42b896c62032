"""`runtime.json`, the file by which clients find the bus: replaced whole, removed when stale."""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec

from actors.shared.durable.durable_write import replace_file
from bus.discovery import Runtime, read_runtime
from bus.errors import NotRunning


class RuntimeFile:
    """`runtime.json` of the runtime that holds the lock of its home. Any other content is stale."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, runtime: Runtime) -> None:
        """Replace the file, mode 0600.

        Raises:
            DurableWriteFailed: it could not be replaced.
        """
        replace_file(self.path, msgspec.json.format(msgspec.json.encode(runtime), indent=2))

    def remove_stale(self) -> int | None:
        """Remove the file of an earlier runtime. Call it under the lock of the home: its writer has ended.

        Returns:
            The process id in it; None if there is none.
        """
        if not self.path.exists():
            return None
        pid = None
        with contextlib.suppress(NotRunning):
            pid = read_runtime(self.path).pid
        self.path.unlink(missing_ok=True)
        return pid

    def remove(self, pid: int) -> None:
        """Remove the file if this process wrote it."""
        with contextlib.suppress(NotRunning):
            if read_runtime(self.path).pid == pid:
                self.path.unlink(missing_ok=True)
