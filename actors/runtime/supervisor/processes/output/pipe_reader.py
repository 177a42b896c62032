"""Reads a pipe on the event loop."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from typing import Final

READ_SIZE_BYTES: Final = 16 * 1024
"""Little enough that the lines of one read fit into the queue of `up --logs`."""
DRAIN_LIMIT_BYTES: Final = 1024 * 1024
"""Read at most this much after a process ended: a grandchild may go on writing."""


class PipeReader:
    """Calls `on_data` with what comes out of a pipe. On Windows a thread reads: pipes cannot be waited on."""

    def __init__(
        self, fd: int, on_data: Callable[[bytes], None], *, threaded: bool = os.name == "nt"
    ) -> None:
        self._fd = fd
        self._on_data = on_data
        self._loop = asyncio.get_running_loop()
        self._threaded = threaded
        self._open = True
        if threaded:
            threading.Thread(target=self._pump, name=f"pipe {fd}", daemon=True).start()
        else:
            os.set_blocking(fd, False)
            self._loop.add_reader(fd, self._read)

    def drain(self) -> None:
        """Read what is in the pipe by now."""
        for _ in range(DRAIN_LIMIT_BYTES // READ_SIZE_BYTES):
            if self._threaded or not self._open or not self._read():
                return

    def stop(self) -> None:
        """Read no more."""
        if self._open and not self._threaded:
            self._loop.remove_reader(self._fd)
        self._open = False

    def _read(self) -> bool:
        try:
            data = os.read(self._fd, READ_SIZE_BYTES)
        except BlockingIOError:
            return False
        except ConnectionResetError:
            data = b""
        if not data:
            self.stop()
            return False
        self._on_data(data)
        return True

    def _pump(self) -> None:
        try:
            while data := os.read(self._fd, READ_SIZE_BYTES):
                self._loop.call_soon_threadsafe(self._deliver, data)
        except (OSError, RuntimeError):
            return  # the pipe was closed meanwhile, or the loop has ended

    def _deliver(self, data: bytes) -> None:
        if self._open:
            self._on_data(data)
