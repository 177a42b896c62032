"""Keeps `runtime.json`, the one file that a client must find, true: written whole, replaced when stale, removed at the end."""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec

from actors.shared.durable.durable_write import replace_file
from bus.discovery import Runtime, read_runtime
from bus.errors import NotRunning


class RuntimeFile:
    """`runtime.json` of the runtime that holds the lock of its home; any other content is stale."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, runtime: Runtime) -> None:
        """Replace the file, mode 0600.

        Raises:
            DurableWriteFailed: it could not be replaced.
        """
        replace_file(self.path, msgspec.json.format(msgspec.json.encode(runtime), indent=2))

    def remove_stale(self) -> int | None:
        """Remove what an earlier runtime left, so that nobody tries to reach it; returns its process id, if it says so.

        To be called under the lock of the home: whoever wrote the file has ended.
        """
        if not self.path.exists():
            return None
        pid = None
        with contextlib.suppress(NotRunning):
            pid = read_runtime(self.path).pid
        self.path.unlink(missing_ok=True)
        return pid

    def remove(self, pid: int) -> None:
        """Remove the file if it is the one of this process."""
        with contextlib.suppress(NotRunning):
            if read_runtime(self.path).pid == pid:
                self.path.unlink(missing_ok=True)
