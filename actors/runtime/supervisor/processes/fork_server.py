"""A process with everything imported that forks children in milliseconds. They share its memory. Linux only.

It has one thread and never a ZeroMQ context. It ends with the supervisor: when its socket closes, it kills
every child with its process group and leaves. If it dies itself, the kernel kills the children
(PR_SET_PDEATHSIG).
"""

from __future__ import annotations

import array
import contextlib
import faulthandler
import fcntl
import gc
import importlib
import os
import selectors
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NoReturn

import msgspec

from actors.runtime import process_name
from actors.runtime.supervisor.core.crash_kind import EXIT_CANNOT_RUN
from actors.runtime.supervisor.processes.spawner import PRIVATE_UMASK, end_group
from bus.lifeline import Lifeline

LETTER_LIMIT_BYTES: Final = 128 * 1024
LIFELINE_FD: Final = 3

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


class ForkLetter(msgspec.Struct, frozen=True, kw_only=True, tag="fork"):
    """Create a child. Two descriptors go with it: its lifeline (or the stdin of a command) and its log."""

    ticket: int
    name: str
    command: list[str]
    environment: dict[str, str]
    directory: str = ""


class SignalLetter(msgspec.Struct, frozen=True, kw_only=True, tag="signal"):
    """Send a signal to a child, or SIGKILL to its group. Nothing happens if it was reaped."""

    pid: int
    number: int


class StartedLetter(msgspec.Struct, frozen=True, kw_only=True, tag="started"):
    """The child exists."""

    ticket: int
    pid: int


class FailedLetter(msgspec.Struct, frozen=True, kw_only=True, tag="failed"):
    """The child could not be created."""

    ticket: int
    reason: str


class ExitedLetter(msgspec.Struct, frozen=True, kw_only=True, tag="exited"):
    """The child ended; a negative code is a signal."""

    pid: int
    returncode: int


ToServer = ForkLetter | SignalLetter
FromServer = StartedLetter | FailedLetter | ExitedLetter


def letter_socket_pair() -> tuple[socket.socket, socket.socket]:
    """A pair of sockets that keeps letters apart (SOCK_SEQPACKET) and carries descriptors."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


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
            sys.stderr.write(f"fork server: {module} cannot be preloaded: {error!r}\n")
    from actors.runtime.supervisor.processes.warmup import warm_up

    warm_up(modules, places)
    gc.collect()


def serve(letters: socket.socket) -> NoReturn:
    """Run the server; in the processes that it forks, run the child."""
    server = ForkServer(letters)
    try:
        server.run()
    except _Forked as forked:
        letter, descriptors, server_pid = forked.letter, forked.descriptors, forked.server_pid
    except BaseException:  # the stack below belongs to the supervisor
        traceback.print_exc()
        server.leave(1)
    _never_return(lambda: _become_child(letter, descriptors, server_pid))


class _Forked(BaseException):
    """Raised in a forked process to unwind the server's stack."""

    def __init__(self, letter: ForkLetter, descriptors: list[int], server_pid: int) -> None:
        super().__init__(letter, descriptors, server_pid)
        self.letter = letter
        self.descriptors = descriptors
        self.server_pid = server_pid


class ForkServer:
    """The loop of the server."""

    def __init__(self, letters: socket.socket) -> None:
        self._letters = letters
        self._children: set[int] = set()
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
        with selectors.DefaultSelector() as selector:
            selector.register(self._letters, selectors.EVENT_READ, self._read_letter)
            selector.register(wake_read, selectors.EVENT_READ, lambda: self._reap(wake_read))
            while True:
                for key, _ in selector.select():
                    key.data()

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
        if pid not in self._children:
            return
        if number == signal.SIGKILL:
            end_group(pid)
        os.kill(pid, number)  # safe: an id in the set was not reaped yet

    def _fork(self, letter: ForkLetter, descriptors: list[int]) -> None:
        server_pid = os.getpid()
        gc.freeze()
        try:
            pid = os.fork()
        except OSError as error:
            pid = -1
            self._post(
                FailedLetter(ticket=letter.ticket, reason=f"no process can be created: {error.strerror}")
            )
        if pid == 0:
            raise _Forked(letter, descriptors, server_pid)
        for fd in descriptors:
            os.close(fd)
        if pid > 0:
            self._children.add(pid)
            self._post(StartedLetter(ticket=letter.ticket, pid=pid))

    def _reap(self, wake_read: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError):
            wake_read.recv(4096)
        while True:
            try:
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if ended is None:
                return
            if ended.si_pid in self._children:
                end_group(ended.si_pid)  # grandchildren; its id stays taken until it is reaped
            _, status = os.waitpid(ended.si_pid, 0)
            if ended.si_pid in self._children:
                self._children.remove(ended.si_pid)
                self._post(ExitedLetter(pid=ended.si_pid, returncode=os.waitstatus_to_exitcode(status)))

    def _post(self, letter: FromServer) -> None:
        try:
            self._letters.send(msgspec.json.encode(letter))
        except (BrokenPipeError, ConnectionResetError):
            self.leave()

    def leave(self, code: int = 0) -> NoReturn:
        """Kill every child and end: the supervisor is gone."""
        for pid in self._children:
            end_group(pid)
        os._exit(code)


def _descriptors(ancillary: list[tuple[int, int, bytes]]) -> list[int]:
    numbers = array.array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            numbers.frombytes(data[: len(data) - len(data) % numbers.itemsize])
    return list(numbers)


def _become_child(letter: ForkLetter, descriptors: list[int], server_pid: int) -> None:
    """Run in the forked process: release what belongs to the server, then become what the letter says."""
    os.setsid()
    process_name.die_with_parent(server_pid)
    os.umask(PRIVATE_UMASK)
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    # out of the way of the fixed numbers below
    first, log = (fcntl.fcntl(fd, fcntl.F_DUPFD, LIFELINE_FD + 1) for fd in descriptors)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.dup2(first, LIFELINE_FD, inheritable=False)
    os.environ.update(letter.environment)
    if letter.command:
        os.dup2(LIFELINE_FD, 0)
        os.closerange(LIFELINE_FD, _fd_limit())
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, other programs rely on it
        _run_command(letter)
    os.closerange(LIFELINE_FD + 1, _fd_limit())
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    gc.enable()
    faulthandler.enable(file=2, all_threads=True)
    faulthandler.register(signal.SIGUSR1, file=2, all_threads=True)
    from actors.runtime.child_main import run

    run(Lifeline(LIFELINE_FD, LIFELINE_FD))


def _run_command(letter: ForkLetter) -> NoReturn:
    try:
        if letter.directory:
            os.chdir(letter.directory)
        os.execvp(letter.command[0], letter.command)  # noqa: S606 - the command of a child spec is not for a shell
    except OSError as error:
        sys.stderr.write(
            f"{letter.command[0]}: cannot be run: {error.strerror}; "
            f"check the command of child {letter.name!r}\n"
        )
        sys.stderr.flush()
        os._exit(EXIT_CANNOT_RUN)


def _fd_limit() -> int:
    return os.sysconf("SC_OPEN_MAX")


def _never_return(work: Callable[[], object]) -> NoReturn:
    """Do the work of a forked process, then exit: the stack below belongs to the parent."""
    code = 1
    try:
        work()
        code = 0
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else 0 if leaving.code is None else 1
        if isinstance(leaving.code, str):
            sys.stderr.write(f"{leaving.code}\n")  # as the interpreter does
    except BaseException:  # the exit code and the log report it
        traceback.print_exc()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


if __name__ == "__main__":
    preload(sys.argv[2:])
    serve(socket.socket(fileno=int(sys.argv[1])))
