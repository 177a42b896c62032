"""A process with everything imported that forks children in milliseconds. They share its memory. Linux only.

It has one thread and never a ZeroMQ context. It ends with the supervisor: when its socket closes, it kills
every child with its process group and leaves. If it dies itself, the kernel kills the children
(PR_SET_PDEATHSIG).
"""

from __future__ import annotations

import array
import contextlib
import gc
import importlib
import os
import selectors
import signal
import socket
import sys
import time
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NoReturn

import msgspec

from actors.runtime import process_name
from actors.runtime.supervisor.processes.descendants.child_groups import ChildGroups, own_group
from actors.runtime.supervisor.processes.descendants.orphan_owners import OrphanOwners
from actors.runtime.supervisor.processes.descendants.process_tree import children_of, mark_of
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
from actors.runtime.supervisor.processes.forked_child import TRY_AGAIN, become_child, never_return
from actors.runtime.supervisor.processes.spawner import end_group
from bus.error_words import in_words

LOOK_SECONDS: Final = 1.0
"""Adopted processes without a mark are looked for this often: who is alive then may be their owner."""

LEAVE_SECONDS: Final = 0.5
REAP_AGAIN_SECONDS: Final = 0.002
REPORT_LIMIT_BYTES: Final = 4096

BASE_MODULES: Final = (
    "actors.runtime.child_main",
    "bus.broker.broker_process",
    "bus.transport.sockets.broker_sockets",
    "bus.transport.sockets.socket_transport",
    "bus.client",
    "bus.actor_loop",
    "anyio._backends._asyncio",
    "platformdirs.unix",
)


def fork_server(
    modules: Iterable[str] = (), places: Mapping[str, str] | None = None
) -> tuple[int, socket.socket]:
    """Fork the server from this process, which must have one thread and no ZeroMQ context.

    Args:
        modules: what children will need besides BASE_MODULES.
        places: directories that the logs of children name by their category.

    Returns:
        Its process id, and our end of its socket.
    """
    preload(modules, places)  # before the fork, so that all three generations share one copy
    ours, theirs = letter_socket_pair()
    gc.freeze()  # a collection on either side would touch, and so unshare, what both have
    pid = os.fork()
    if pid:
        theirs.close()
        return pid, ours
    ours.close()
    # The command guards its own terminal; children write to pipes, by whatever way they like.
    sys.stdout, sys.stderr = (getattr(stream, "beneath", stream) for stream in (sys.stdout, sys.stderr))
    return serve(theirs)


def preload(modules: Iterable[str] = (), places: Mapping[str, str] | None = None) -> None:
    """Import what children need and warm up their start; all of them share what happens before the fork."""
    modules = list(modules)
    for module in (*BASE_MODULES, *modules):
        try:
            importlib.import_module(module)
        except Exception as error:  # the child that needs it fails with the same error and reports it in full
            sys.stderr.write(f"fork server: {module} cannot be preloaded: {in_words(error)}\n")
    from actors.runtime.supervisor.processes.warmup import warm_up

    warm_up(modules, places)
    gc.collect()


def serve(letters: socket.socket) -> NoReturn:
    """Run the server; in the processes that it forks, run the child."""
    server = ForkServer(letters)
    try:
        server.run()
    except _Forked as forked:
        letter, descriptors = forked.letter, forked.descriptors
        report_fd, server_pid, group = forked.report_fd, forked.server_pid, forked.group
    except BaseException:  # the stack below belongs to the supervisor
        traceback.print_exc()
        server.leave(1)
    never_return(lambda: become_child(letter, descriptors, report_fd, server_pid, group))


class _Forked(BaseException):
    """Raised in a forked process to unwind the server's stack."""

    def __init__(
        self,
        letter: ForkLetter,
        descriptors: list[int],
        report_fd: int | None,
        server_pid: int,
        group: str,
    ) -> None:
        super().__init__(letter, descriptors, report_fd, server_pid, group)
        self.group = group
        self.letter = letter
        self.descriptors = descriptors
        self.report_fd = report_fd
        self.server_pid = server_pid


@dataclass
class _Child:
    """A process that was forked and not reaped. `report_fd`: where a command says that it cannot run."""

    ticket: int
    mark: str
    report_fd: int | None


class ForkServer:
    """The loop of the server."""

    def __init__(self, letters: socket.socket) -> None:
        self._letters = letters
        self._children: dict[int, _Child] = {}
        self._orphans = OrphanOwners()
        self._doomed: set[int] = set()
        self._groups = ChildGroups(own_group())
        self._selector = selectors.DefaultSelector()
        self._decoder: msgspec.json.Decoder[ToServer] = msgspec.json.Decoder(ToServer)

    def run(self) -> NoReturn:
        """Serve until the supervisor is gone."""
        os.setsid()
        process_name.set_name("uc-forkserver")
        process_name.adopt_orphans()
        gc.disable()  # a collection here would touch, and so unshare, the pages of every child
        wake_read, wake_write = socket.socketpair()
        wake_read.setblocking(False)
        wake_write.setblocking(False)
        signal.set_wakeup_fd(wake_write.fileno())
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the supervisor decides what Ctrl-C means
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        # Until here the kernel ended us with the supervisor. Now we notice its end and kill our children.
        process_name.outlive_parent()
        self._selector.register(self._letters, selectors.EVENT_READ, self._read_letter)
        self._selector.register(wake_read, selectors.EVENT_READ, lambda: self._reap(wake_read))
        while True:
            ready = self._selector.select(LOOK_SECONDS)
            for key, _ in ready:
                if key.fileobj in self._selector.get_map():  # an exit may have closed the report meanwhile
                    key.data()
            if not ready:
                self._groups.end(())
                self._end_orphans(frozenset())

    def _read_letter(self) -> None:
        try:
            data, ancillary, _, _ = self._letters.recvmsg(
                LETTER_LIMIT_BYTES, socket.CMSG_SPACE(2 * array.array("i").itemsize)
            )
        except ConnectionResetError:  # the supervisor was killed before it had read our letters
            self.leave()
        if not data:
            self.leave()
        match self._decoder.decode(data):
            case ForkLetter() as letter:
                self._fork(letter, _descriptors(ancillary))
            case SignalLetter(pid=pid, number=number):
                self._signal(pid, number)

    def _signal(self, pid: int, number: int) -> None:
        if pid in self._children:
            if number == signal.SIGKILL:
                end_group(pid)
            os.kill(pid, number)  # safe: an id in the table was not reaped yet
        if number == signal.SIGKILL:
            self._post(KilledLetter(pid=pid))

    def _fork(self, letter: ForkLetter, descriptors: list[int]) -> None:
        server_pid = os.getpid()
        gc.freeze()
        report = os.pipe() if letter.command else None
        group = self._groups.make(letter.mark)
        try:
            pid = os.fork()
        except OSError as error:
            pid = -1
            self._post(
                FailedLetter(ticket=letter.ticket, reason=f"no process can be created: {error.strerror}")
            )
        if pid == 0:
            raise _Forked(letter, descriptors, report[1] if report else None, server_pid, group)
        for fd in (*descriptors, *(report[1:] if report else ())):
            os.close(fd)
        if pid > 0:
            self._children[pid] = _Child(letter.ticket, letter.mark, report[0] if report else None)
            if report:
                self._selector.register(report[0], selectors.EVENT_READ, lambda: self._read_report(pid))
                self._post(ForkedLetter(ticket=letter.ticket, pid=pid))
            else:
                self._post(StartedLetter(ticket=letter.ticket, pid=pid))
        elif report:
            os.close(report[0])

    def _read_report(self, pid: int) -> None:
        """A command said why it cannot run; or nothing, and its program runs."""
        child = self._children[pid]
        assert child.report_fd is not None
        self._selector.unregister(child.report_fd)
        words = os.read(child.report_fd, REPORT_LIMIT_BYTES).decode("utf-8", "replace")
        os.close(child.report_fd)
        child.report_fd = None
        if not words:
            self._post(StartedLetter(ticket=child.ticket, pid=pid))
            return
        del self._children[pid]  # it leaves by itself, and nobody waits for it
        self._groups.end([child.mark])
        reason = words.removeprefix(TRY_AGAIN)
        self._post(FailedLetter(ticket=child.ticket, reason=reason, cannot_run=reason == words))

    def _reap(self, wake_read: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError):
            wake_read.recv(4096)
        ended: dict[int, int] = {}
        marks: set[str] = set()
        while (pid := _ended_child()) is not None:
            child = self._children.get(pid)
            if child is not None and child.report_fd is not None:
                self._read_report(pid)  # first: nobody may hear of an end before the start
            if pid in self._children:
                end_group(pid)  # grandchildren; its id stays taken until it is reaped
            _, status = os.waitpid(pid, 0)
            if (child := self._children.pop(pid, None)) is not None:
                ended[pid] = os.waitstatus_to_exitcode(status)
                marks.add(child.mark)
            elif pid in self._doomed:
                self._doomed.remove(pid)
                marks.add(f"orphan {pid}")  # what it leaves behind goes with it
        self._groups.end(mark for mark in marks if not mark.startswith("orphan "))
        self._end_orphans(frozenset(marks))  # before their child can be started again
        for pid, returncode in ended.items():
            self._post(ExitedLetter(pid=pid, returncode=returncode))

    def _end_orphans(self, ended: frozenset[str]) -> None:
        """Kill what we adopted from children that have ended. What those leave behind is adopted next."""
        adopted = {pid: mark_of(pid) for pid in children_of(os.getpid()) - self._children.keys()}
        live = [child.mark for child in self._children.values()]
        for pid in self._orphans.outlived(adopted, live, ended):
            self._doomed.add(pid)
            os.kill(pid, signal.SIGKILL)  # safe: our children keep their ids until we reap them

    def _post(self, letter: FromServer) -> None:
        try:
            self._letters.send(msgspec.json.encode(letter))
        except (BrokenPipeError, ConnectionResetError):
            self.leave()

    def leave(self, code: int = 0) -> NoReturn:
        """Kill every child, what they started and what that started, and end: the supervisor is gone."""
        deadline = time.monotonic() + LEAVE_SECONDS
        for pid in self._children:
            end_group(pid)
        marks = [child.mark for child in self._children.values()]
        self._groups.end(marks)
        while (left := children_of(os.getpid())) and time.monotonic() < deadline:
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            time.sleep(REAP_AGAIN_SECONDS)
        self._groups.end(())
        os._exit(code)


def _ended_child() -> int | None:
    """A child that has ended and is not reaped."""
    try:
        ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    return ended.si_pid if ended is not None else None


def _descriptors(ancillary: list[tuple[int, int, bytes]]) -> list[int]:
    numbers = array.array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            numbers.frombytes(data[: len(data) - len(data) % numbers.itemsize])
    return list(numbers)


def main() -> None:
    """Run in a fresh interpreter: the first argument is our end of the socket, the others are modules."""
    preload(sys.argv[2:])
    serve(socket.socket(fileno=int(sys.argv[1])))


if __name__ == "__main__":
    main()
