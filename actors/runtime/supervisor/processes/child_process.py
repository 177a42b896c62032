"""One running child as the supervisor has it: the parent's ends of its lifeline and its log."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from typing import Final

from actors.runtime.supervisor.log_ring import LineCutter
from actors.runtime.supervisor.processes.spawner import Channels
from bus.lifeline import LifelineBroken, LineDecoder, Message, encode

READ_SIZE_BYTES: Final = 64 * 1024
DRAIN_LIMIT_BYTES: Final = 1024 * 1024
"""Of a log whose process has ended; a grandchild that still writes must not keep us."""


class PipeReader:
    """Hands on what comes out of a pipe, on the event loop; a thread reads where pipes cannot be waited on (Windows)."""

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
        """Hand on what is there by now."""
        for _ in range(DRAIN_LIMIT_BYTES // READ_SIZE_BYTES):
            if self._threaded or not self._open or not self._read():
                return

    def stop(self) -> None:
        """Hand on nothing more."""
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
            return  # the pipe was closed under us, or the loop has ended

    def _deliver(self, data: bytes) -> None:
        if self._open:
            self._on_data(data)


class Process:
    """A child from the order to its end. What it says on the lifeline and writes to its log goes to the callbacks."""

    def __init__(
        self,
        name: str,
        ticket: int,
        channels: Channels,
        started_at: float,
        on_message: Callable[[Process, Message], None],
        on_lines: Callable[[str, list[str]], None],
        on_broken: Callable[[Process, str], None],
    ) -> None:
        self.name = name
        self.ticket = ticket
        self.pid: int | None = None
        self.started_at = started_at
        self._channels = channels
        self._on_message = on_message
        self._on_lines = on_lines
        self._on_broken = on_broken
        self._decoder = LineDecoder()
        self._cutter = LineCutter()
        self._loop = asyncio.get_running_loop()
        self._unsent = b""
        os.set_blocking(channels.to_child, os.name == "nt")
        self._log = PipeReader(channels.log, self._log_data)
        self._lifeline = (
            PipeReader(channels.from_child, self._lifeline_data) if channels.from_child is not None else None
        )

    def post(self, message: Message) -> None:
        """Send a message; what does not fit into the pipe now leaves as soon as it does."""
        waits = bool(self._unsent)
        self._unsent += encode(message)
        if not waits:
            self._flush()

    def finish(self) -> None:
        """The process has ended: take in its last lines, then close everything."""
        self._log.drain()
        if rest := self._cutter.finish():
            self._on_lines(self.name, rest)
        self._log.stop()
        if self._lifeline is not None:
            self._lifeline.stop()
        self._loop.remove_writer(self._channels.to_child)
        self._channels.close()

    def _flush(self) -> None:
        try:
            self._unsent = self._unsent[os.write(self._channels.to_child, self._unsent) :]
        except BlockingIOError:
            pass
        except (BrokenPipeError, ConnectionResetError):
            self._unsent = b""  # it has ended; we shall hear of that
        if self._unsent:
            self._loop.add_writer(self._channels.to_child, self._flush)
        elif os.name != "nt":
            self._loop.remove_writer(self._channels.to_child)

    def _log_data(self, data: bytes) -> None:
        if lines := self._cutter.feed(data):
            self._on_lines(self.name, lines)

    def _lifeline_data(self, data: bytes) -> None:
        try:
            messages = self._decoder.feed(data)
        except LifelineBroken as error:
            self._on_broken(self, str(error))
            return
        for message in messages:
            self._on_message(self, message)
