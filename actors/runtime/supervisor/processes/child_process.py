"""One running child as the supervisor has it: the parent's ends of its lifeline and its log."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from actors.runtime.supervisor.processes.output.line_cutter import LineCutter
from actors.runtime.supervisor.processes.output.pipe_reader import PipeReader
from actors.runtime.supervisor.processes.spawner import ChildPipes
from bus.lifeline import LifelineBroken, LifelineMessage, LineDecoder, encode


class ChildProcess:
    """A child from the order to its end.

    Attributes:
        ticket: number of the order.
        pid: None until the process exists.
    """

    def __init__(
        self,
        name: str,
        ticket: int,
        pipes: ChildPipes,
        on_message: Callable[[ChildProcess, LifelineMessage], None],
        on_lines: Callable[[str, list[str]], None],
        on_broken: Callable[[ChildProcess, str], None],
    ) -> None:
        """Begin to read the pipes.

        Args:
            name: of the child.
            ticket: number of the order.
            pipes: are closed at the end.
            on_message: called with what arrives on the lifeline.
            on_lines: called with the name and the lines of the log.
            on_broken: called with the reason when the lifeline cannot be understood.
        """
        self.name = name
        self.ticket = ticket
        self.pid: int | None = None
        self._pipes = pipes
        self._on_message = on_message
        self._on_lines = on_lines
        self._on_broken = on_broken
        self._decoder = LineDecoder()
        self._cutter = LineCutter()
        self._loop = asyncio.get_running_loop()
        self._unsent = b""
        os.set_blocking(pipes.to_child, os.name == "nt")
        self._log = PipeReader(pipes.log, self._log_data)
        self._lifeline = (
            PipeReader(pipes.from_child, self._lifeline_data) if pipes.from_child is not None else None
        )

    def post(self, message: LifelineMessage) -> None:
        """Send a message. What does not fit into the pipe leaves as soon as it does."""
        waits = bool(self._unsent)
        self._unsent += encode(message)
        if not waits:
            self._flush()

    def drain(self) -> None:
        """The process has ended: take what it said last."""
        if self._lifeline is not None:
            self._lifeline.drain()
        self._log.drain()

    def finish(self) -> None:
        """Take its last lines, then close everything."""
        self._log.drain()
        if rest := self._cutter.finish():
            self._on_lines(self.name, rest)
        self._log.stop()
        if self._lifeline is not None:
            self._lifeline.stop()
        self._loop.remove_writer(self._pipes.to_child)
        self._pipes.close()

    def _flush(self) -> None:
        try:
            self._unsent = self._unsent[os.write(self._pipes.to_child, self._unsent) :]
        except BlockingIOError:
            pass
        except (BrokenPipeError, ConnectionResetError):
            self._unsent = b""  # it has ended; its exit is reported elsewhere
        if self._unsent:
            self._loop.add_writer(self._pipes.to_child, self._flush)
        elif os.name != "nt":
            self._loop.remove_writer(self._pipes.to_child)

    def _log_data(self, data: bytes) -> None:
        if lines := self._cutter.feed(data):
            self._on_lines(self.name, lines)

    def _lifeline_data(self, data: bytes) -> None:
        try:
            messages = self._decoder.feed(data)
        except LifelineBroken as error:
            assert self._lifeline is not None
            self._lifeline.stop()  # once is enough
            self._on_broken(self, str(error))
            return
        for message in messages:
            self._on_message(self, message)
