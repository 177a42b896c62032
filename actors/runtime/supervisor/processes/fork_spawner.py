"""The supervisor's side of the fork server: sends orders, receives exits, and replaces a server that died."""

from __future__ import annotations

import array
import asyncio
import os
import signal
import socket
import subprocess
from collections.abc import Iterable
from typing import Final

import msgspec

from actors.runtime import process_name
from actors.runtime.supervisor.core.supervision_events import ExitStatus
from actors.runtime.supervisor.processes.fork_server import (
    LETTER_LIMIT_BYTES,
    ExitedLetter,
    FailedLetter,
    ForkLetter,
    FromServer,
    SignalLetter,
    StartedLetter,
    ToServer,
    letter_socket_pair,
)
from actors.runtime.supervisor.processes.spawner import (
    ChildPipes,
    SpawnHandlers,
    SpawnOrder,
    end_group,
    interpreter_command,
)

KILLED: Final = ExitStatus(signal=int(signal.SIGKILL))


class ForkSpawner:
    """Has children forked by a server. If it dies, its children count as dead and a fresh one starts."""

    def __init__(
        self,
        handlers: SpawnHandlers,
        server: tuple[int, socket.socket] | None = None,
        preload: Iterable[str] = (),
    ) -> None:
        """Attach to a server.

        Args:
            handlers: learn what became of orders.
            server: what `fork_server` returned; None starts a fresh interpreter.
            preload: modules that a fresh server imports before it forks.
        """
        self._handlers = handlers
        self._preload = list(preload)
        self._loop = asyncio.get_running_loop()
        self._decoder: msgspec.json.Decoder[FromServer] = msgspec.json.Decoder(FromServer)
        self._running: set[int] = set()
        self._pending: set[int] = set()
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False
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
        self._pending.add(order.ticket)
        letter = ForkLetter(
            ticket=order.ticket,
            name=order.name,
            command=list(order.command),
            environment=dict(order.environment),
            directory=order.directory,
        )
        try:
            self._post(letter, [theirs, log_write])
        except OSError as error:
            self._loop.call_soon(
                self._fail, order.ticket, f"the fork server does not take orders: {error.strerror}"
            )
        finally:
            os.close(theirs)
            os.close(log_write)
        return ChildPipes(to_child=ours, from_child=None if order.command else ours, log=log_read)

    def send(self, pid: int, number: int) -> None:
        """See `Spawner.send`."""
        if pid in self._running:
            try:
                self._post(SignalLetter(pid=pid, number=number))
            except OSError:
                os.kill(self.server_pid, signal.SIGKILL)  # it no longer reads; its children end with it

    def give_up(self, ticket: int) -> None:
        """Kill the server, which hangs, and all its children; each of them is reported."""
        if ticket in self._pending:
            os.kill(self.server_pid, signal.SIGKILL)

    def close(self) -> None:
        """Close the socket; the server then kills what still runs and leaves."""
        self._closed = True
        self._loop.remove_reader(self._letters)
        self._letters.close()
        self._reap_server()

    def _attach(self) -> None:
        self._letters.setblocking(False)
        self._letters.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8 * LETTER_LIMIT_BYTES)
        self._loop.add_reader(self._letters, self._read_letters)

    def _fresh_server(self) -> tuple[int, socket.socket]:
        ours, theirs = letter_socket_pair()
        with theirs:
            command = interpreter_command(
                "actors.runtime.supervisor.processes.fork_server", str(theirs.fileno()), *self._preload
            )
            supervisor_pid = os.getpid()
            self._process = subprocess.Popen(
                command,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                # holds until it has done its imports and notices our end by itself
                preexec_fn=lambda: process_name.die_with_parent(supervisor_pid),
            )
        return self._process.pid, ours

    def _post(self, letter: ToServer, descriptors: list[int] | None = None) -> None:
        rights = (
            [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
        )
        self._letters.sendmsg([msgspec.json.encode(letter)], rights)

    def _read_letters(self) -> None:
        while True:
            try:
                data = self._letters.recv(LETTER_LIMIT_BYTES)
            except BlockingIOError:
                return
            except ConnectionResetError:
                data = b""
            if not data:
                self._replace_server()
                return
            match self._decoder.decode(data):
                case StartedLetter(ticket=ticket, pid=pid):
                    self._pending.discard(ticket)
                    self._running.add(pid)
                    self._handlers.started(ticket, pid)
                case FailedLetter(ticket=ticket, reason=reason):
                    self._fail(ticket, reason)
                case ExitedLetter(pid=pid, returncode=returncode):
                    self._running.discard(pid)
                    self._handlers.exited(pid, ExitStatus.from_returncode(returncode))

    def _fail(self, ticket: int, reason: str) -> None:
        if ticket in self._pending:
            self._pending.remove(ticket)
            self._handlers.failed(ticket, reason)

    def _replace_server(self) -> None:
        """Start a fresh server. The kernel killed the children of the old one; kill their groups, too."""
        self._loop.remove_reader(self._letters)
        self._letters.close()
        self._reap_server()
        running, self._running = self._running, set()
        pending, self._pending = self._pending, set()
        for pid in running:
            end_group(pid)
        if not self._closed:
            self.server_pid, self._letters = self._fresh_server()
            self._attach()
        for ticket in pending:
            self._handlers.failed(ticket, "the fork server died")
        for pid in running:
            self._handlers.exited(pid, KILLED)

    def _reap_server(self) -> None:
        """Wait for the end of a server whose socket is closed: it leaves at once."""
        if self._process is not None:
            self._process.wait()
            self._process = None
            return
        try:
            os.waitpid(self.server_pid, 0)
        except ChildProcessError:
            return  # it was another process's child, or was waited for already
