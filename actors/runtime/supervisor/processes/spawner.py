"""Creates processes: the interface, and the portable implementation with `subprocess`."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from actors.runtime import core_dumps, process_name
from actors.runtime.frozen_program import interpreter_command
from actors.runtime.supervisor.core.supervision_events import ExitStatus

PRIVATE_UMASK: Final = 0o077


@dataclass(frozen=True, kw_only=True)
class SpawnOrder:
    """A process to create.

    Attributes:
        ticket: number that the answer carries.
        command: program and arguments; empty for a Python child, which learns its role over its lifeline.
        environment: variables in addition to the supervisor's own.
        directory: where it runs; empty for the supervisor's own working directory.
        mark: what its descendants are recognised by; it is in the environment, too.
    """

    ticket: int
    name: str
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: str = ""
    mark: str = ""


@dataclass(frozen=True)
class ChildPipes:
    """The supervisor's ends of a child's pipes. Their receiver closes them.

    Attributes:
        to_child: lifeline, or the stdin of a command; it reaches its end when the supervisor dies.
        from_child: lifeline, possibly the same descriptor as `to_child`; None for a command.
        log: what the child writes to stdout and stderr.
    """

    to_child: int
    from_child: int | None
    log: int

    def close(self) -> None:
        """Close every descriptor once."""
        for fd in {self.to_child, self.to_child if self.from_child is None else self.from_child, self.log}:
            os.close(fd)


@dataclass(frozen=True)
class SpawnHandlers:
    """Called on the event loop with what became of orders.

    Attributes:
        started: with ticket and process id.
        failed: with ticket, reason, and whether it is the program that cannot run; there is no process.
        exited: with process id and status.
    """

    started: Callable[[int, int], None]
    failed: Callable[[int, str, bool], None]
    exited: Callable[[int, ExitStatus], None]


class Spawner(Protocol):
    """Creates processes, ends them, and reports how they ended."""

    def spawn(self, order: SpawnOrder) -> ChildPipes:
        """Order a process. `SpawnHandlers.started` or `failed` follows, never before this returns."""

    def send(self, pid: int, number: int) -> None:
        """Send a signal to a process, SIGKILL to its whole group. Harmless if the process has ended."""

    def give_up(self, ticket: int) -> None:
        """Stop waiting for a process that is not created in time; its failure or its end follows."""

    def close(self) -> None:
        """Release everything. Processes that still run are killed where the platform can do so."""


class Adopted(Protocol):
    """Ends descendants that outlive their child; see `adopted_processes.py`."""

    def sweep(self) -> None:
        """Look for them now."""

    def close(self) -> None:
        """End all of them, and adopt no more."""


class SubprocessSpawner:
    """Starts a fresh interpreter or program for each order. One thread waits for each process."""

    def __init__(
        self,
        handlers: SpawnHandlers,
        adopting: Callable[[Callable[[], Iterable[str]]], Adopted] | None = None,
    ) -> None:
        """Create nothing yet.

        Args:
            handlers: learn what became of orders.
            adopting: makes what ends descendants that outlive their child, given the marks of those that run.
        """
        self._handlers = handlers
        self._loop = asyncio.get_running_loop()
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self._marks: dict[int, str] = {}
        self._adopted = adopting(self._marks.values) if adopting else None
        self._lock = threading.Lock()  # no signal may go to a process id that was just reaped

    def spawn(self, order: SpawnOrder) -> ChildPipes:
        """See `Spawner.spawn`."""
        log_read, log_write = os.pipe()
        piped = subprocess.PIPE if not order.command else log_write
        try:
            process = subprocess.Popen(
                list(order.command) or interpreter_command("actors.runtime.child_main"),
                stdin=subprocess.PIPE,
                stdout=piped,
                stderr=log_write,
                env={**os.environ, **order.environment},
                cwd=order.directory or None,
                **platform_options(),
            )
        except OSError as error:
            program = order.command[0] if order.command else sys.executable
            words = cannot_run_words(order.name, program, order.directory, error)
            self._loop.call_soon(self._handlers.failed, order.ticket, words, is_final(error))
            os.close(log_write)
            orphan_read, orphan_write = os.pipe()
            os.close(orphan_read)
            return ChildPipes(to_child=orphan_write, from_child=None, log=log_read)
        os.close(log_write)
        self._running[process.pid] = process
        self._marks[process.pid] = order.mark
        self._loop.call_soon(self._handlers.started, order.ticket, process.pid)
        threading.Thread(target=self._wait, args=(process,), name=f"wait {order.name}", daemon=True).start()
        return _take_pipes(process, log_read)

    def send(self, pid: int, number: int) -> None:
        """See `Spawner.send`."""
        with self._lock:
            process = self._running.get(pid)
            if process is None:
                return
            if os.name == "nt":
                process.terminate()
            elif number == signal.SIGKILL:
                end_group(pid)
            else:
                os.kill(pid, number)  # `process.send_signal` would reap it before the waiting thread does

    def give_up(self, ticket: int) -> None:
        """Nothing to do: `spawn` has answered before it returned."""

    def close(self) -> None:
        """Kill what still runs."""
        for pid in list(self._running):
            self.send(pid, getattr(signal, "SIGKILL", signal.SIGTERM))
        if self._adopted is not None:
            self._adopted.close()

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        if os.name == "posix":
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        else:
            process.wait()
        with self._lock:
            if os.name == "posix":
                end_group(process.pid)  # grandchildren; the id stays taken until its leader is reaped
            returncode = process.wait()
            del self._running[process.pid]
        try:
            self._loop.call_soon_threadsafe(self._exited, process.pid, ExitStatus.from_returncode(returncode))
        except RuntimeError:
            return  # the loop has ended: nobody listens

    def _exited(self, pid: int, status: ExitStatus) -> None:
        self._marks.pop(pid, None)
        if self._adopted is not None:
            self._adopted.sweep()
        self._handlers.exited(pid, status)


FINAL_ERRORS: Final = frozenset(
    {
        errno.ENOENT,
        errno.EACCES,
        errno.EPERM,
        errno.ENOEXEC,
        errno.ENOTDIR,
        errno.EISDIR,
        errno.ELOOP,
        errno.ENAMETOOLONG,
        errno.E2BIG,
        errno.EINVAL,
    }
)
"""Of a program that cannot run: the next try would end as this one. Others mean a lack of memory, say."""


def is_final(error: OSError) -> bool:
    """Whether another try at once would fail, too."""
    return error.errno in FINAL_ERRORS


def cannot_run_words(name: str, program: str, directory: str, error: OSError) -> str:
    """Why the program of a child could not be run, for a person."""
    if directory and error.filename == directory:
        return f"{directory}: cannot be entered: {error.strerror}; check the directory of child {name!r}"
    if error.errno == errno.ENOENT and os.path.isabs(program) and os.path.exists(program):
        return f"{program}: cannot be run: the interpreter that its first line names is not there"
    return f"{program}: cannot be run: {error.strerror}; check the command of child {name!r}"


def end_group(pid: int) -> None:
    """Kill what is left of a child's process group."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return  # none is left; macOS says EPERM when only the zombie is


def platform_options() -> dict[str, Any]:
    """Options of `Popen` for a child with its own process group that dies with its parent."""
    if os.name == "nt":
        return {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
    options: dict[str, Any] = {"start_new_session": True, "umask": PRIVATE_UMASK}
    parent_pid = os.getpid()

    def become_program() -> None:
        core_dumps.restore_for_program()
        if process_name.IS_LINUX:
            process_name.die_with_parent(parent_pid)

    options["preexec_fn"] = become_program
    return options


def _take_pipes(process: subprocess.Popen[bytes], log_read: int) -> ChildPipes:
    """Duplicate the pipes of a process, so that it no longer owns them."""
    assert process.stdin is not None
    to_child = os.dup(process.stdin.fileno())
    process.stdin.close()
    from_child = None
    if process.stdout is not None:
        from_child = os.dup(process.stdout.fileno())
        process.stdout.close()
    return ChildPipes(to_child=to_child, from_child=from_child, log=log_read)
