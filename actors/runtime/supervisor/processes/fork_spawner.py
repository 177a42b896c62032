"""The supervisor's side of the fork server: sends orders, receives exits, and replaces a server that died."""

from __future__ import annotations

import array
import asyncio
import contextlib
import os
import signal
import socket
import subprocess
from collections import deque
from collections.abc import Iterable
from typing import Final

import msgspec

from actors.runtime import process_name
from actors.runtime.frozen_program import interpreter_command
from actors.runtime.supervisor.core.supervision_events import ExitStatus
from actors.runtime.supervisor.processes.descendants.adopted_processes import AdoptedProcesses
from actors.runtime.supervisor.processes.fork_letters import (
    LETTER_LIMIT_BYTES,
    ExitedLetter,
    FailedLetter,
    ForkedLetter,
    ForkLetter,
    FromServer,
    KilledLetter,
    SignalLetter,
    StartedLetter,
    ToServer,
    letter_socket_pair,
)
from actors.runtime.supervisor.processes.spawner import (
    ChildPipes,
    SpawnHandlers,
    SpawnOrder,
)

KILLED: Final = ExitStatus(signal=int(signal.SIGKILL))
KILL_ANSWER_SECONDS: Final = 4.0
"""A server that does not answer an order to kill for this long hangs."""


class ForkSpawner:
    """Has children forked by a server. If it dies, its children count as dead; the next order starts another.

    Attributes:
        server_pid: 0 while there is none.
    """

    def __init__(
        self,
        handlers: SpawnHandlers,
        server: tuple[int, socket.socket] | None = None,
        preload: Iterable[str] = (),
        mark: str = "",
    ) -> None:
        """Attach to a server.

        Args:
            handlers: learn what became of orders.
            server: what `fork_server` returned; None starts a fresh interpreter.
            preload: modules that a fresh server imports before it forks.
            mark: what the marks of all children begin with.
        """
        self._handlers = handlers
        self._preload = list(preload)
        self._loop = asyncio.get_running_loop()
        self._decoder: msgspec.json.Decoder[FromServer] = msgspec.json.Decoder(FromServer)
        self._running: set[int] = set()
        self._pending: dict[int, int] = {}
        """By ticket: the process that does not run its program yet; 0 if there is none yet."""
        self._killed_at: dict[int, float] = {}
        self._unsent: deque[tuple[ToServer, list[int]]] = deque()
        self._process: subprocess.Popen[bytes] | None = None
        self._adopted = AdoptedProcesses(mark)
        self.server_pid, self._letters = server or self._fresh_server()
        self._attach()

    def spawn(self, order: SpawnOrder) -> ChildPipes:
        """See `Spawner.spawn`."""
        log_read, log_write = os.pipe()
        if order.command:
            theirs, ours = os.pipe()
        else:
            our_end, their_end = socket.socketpair()
            ours, theirs = our_end.detach(), their_end.detach()
        self._pending[order.ticket] = 0
        letter = ForkLetter(
            ticket=order.ticket,
            name=order.name,
            command=list(order.command),
            environment=dict(order.environment),
            directory=order.directory,
            mark=order.mark,
        )
        try:
            if not self.server_pid:
                self.server_pid, self._letters = self._fresh_server()
                self._attach()
        except OSError as error:
            reason = f"no fork server can be started: {error.strerror}"
            self._loop.call_soon(self._fail, order.ticket, reason, False)
            os.close(theirs)
            os.close(log_write)
        else:
            self._post(letter, [theirs, log_write])
        return ChildPipes(to_child=ours, from_child=None if order.command else ours, log=log_read)

    def send(self, pid: int, number: int) -> None:
        """See `Spawner.send`."""
        if pid not in self._running and pid not in self._pending.values():
            return
        if number == signal.SIGKILL:
            asked_at = self._killed_at.setdefault(pid, self._loop.time())
            if self._loop.time() - asked_at >= KILL_ANSWER_SECONDS:
                self._kill_server()
                return
        self._post(SignalLetter(pid=pid, number=number), [])

    def give_up(self, ticket: int) -> None:
        """Kill a process that does not run its program; if there is none, the server, which hangs."""
        if pid := self._pending.get(ticket):
            self.send(pid, signal.SIGKILL)
        elif ticket in self._pending:
            self._kill_server()

    def close(self) -> None:
        """Close the socket; the server then kills what still runs and leaves."""
        if self.server_pid:
            self._detach()
            self._adopted.end_server(self.server_pid, self._process)
        self._adopted.close()

    def _attach(self) -> None:
        self._letters.setblocking(False)
        self._letters.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8 * LETTER_LIMIT_BYTES)
        self._loop.add_reader(self._letters, self._read_letters)

    def _detach(self) -> None:
        self._loop.remove_reader(self._letters)
        self._loop.remove_writer(self._letters)
        self._letters.close()
        while self._unsent:
            for fd in self._unsent.popleft()[1]:
                os.close(fd)

    def _fresh_server(self) -> tuple[int, socket.socket]:
        ours, theirs = letter_socket_pair()
        with theirs:
            command = interpreter_command(
                "actors.runtime.supervisor.processes.fork_server", str(theirs.fileno()), *self._preload
            )
            supervisor_pid = os.getpid()
            try:
                self._process = subprocess.Popen(
                    command,
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    # holds until it has done its imports and notices our end by itself
                    preexec_fn=lambda: process_name.die_with_parent(supervisor_pid),
                )
            except OSError:
                ours.close()
                raise
        return self._process.pid, ours

    def _post(self, letter: ToServer, descriptors: list[int]) -> None:
        """Send a letter; what does not fit leaves as soon as it does. The descriptors are closed."""
        self._unsent.append((letter, descriptors))
        if len(self._unsent) == 1:
            self._flush()

    def _flush(self) -> None:
        while self._unsent:
            letter, descriptors = self._unsent[0]
            rights = (
                [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
            )
            try:
                self._letters.sendmsg([msgspec.json.encode(letter)], rights)
            except BlockingIOError:
                self._loop.add_writer(self._letters, self._flush)
                return
            except OSError as error:
                if isinstance(letter, ForkLetter):
                    reason = f"the fork server does not take orders: {error.strerror}"
                    self._loop.call_soon(self._fail, letter.ticket, reason, False)
            self._unsent.popleft()
            for fd in descriptors:
                os.close(fd)
        self._loop.remove_writer(self._letters)

    def _read_letters(self) -> None:
        while True:
            try:
                data = self._letters.recv(LETTER_LIMIT_BYTES)
            except BlockingIOError:
                return
            except ConnectionResetError:
                data = b""
            if not data:
                self._lose_server()
                return
            self._take(self._decoder.decode(data))
            if not self.server_pid:
                return  # what it said led to its end

    def _take(self, letter: FromServer) -> None:
        match letter:
            case ForkedLetter(ticket=ticket, pid=pid):
                self._pending[ticket] = pid
            case StartedLetter(ticket=ticket, pid=pid):
                self._pending.pop(ticket, None)
                self._running.add(pid)
                self._handlers.started(ticket, pid)
            case FailedLetter(ticket=ticket, reason=reason, cannot_run=cannot_run):
                self._fail(ticket, reason, cannot_run)
            case ExitedLetter(pid=pid, returncode=returncode):
                self._running.discard(pid)
                self._killed_at.pop(pid, None)
                self._handlers.exited(pid, ExitStatus.from_returncode(returncode))
            case KilledLetter(pid=pid):
                self._killed_at.pop(pid, None)

    def _fail(self, ticket: int, reason: str, cannot_run: bool) -> None:
        if ticket in self._pending:
            self._killed_at.pop(self._pending.pop(ticket), None)
            self._handlers.failed(ticket, reason, cannot_run)

    def _kill_server(self) -> None:
        if self.server_pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.server_pid, signal.SIGKILL)

    def _lose_server(self) -> None:
        """Report the children of a server that died. The kernel killed them; we end what they started."""
        self._detach()
        server_pid, self.server_pid = self.server_pid, 0
        running, self._running = self._running, set()
        pending, self._pending = self._pending, {}
        self._killed_at.clear()
        self._adopted.end_server(server_pid, self._process)
        self._process = None
        self._adopted.sweep({*running, *pending.values()})
        for ticket in pending:
            self._handlers.failed(ticket, "the fork server died", False)
        for pid in running:
            self._handlers.exited(pid, KILLED)
