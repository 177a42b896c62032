"""Makes processes: the interface, and the way by `subprocess` that works on every platform."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from actors.runtime import process_name
from actors.runtime.supervisor.core.supervision_events import ExitStatus

PRIVATE_UMASK: Final = 0o077


@dataclass(frozen=True, kw_only=True)
class Order:
    """A process that is wanted.

    Attributes:
        ticket: number by which the answer is recognised.
        command: program and arguments; empty for a Python child, which learns over its lifeline what it is to
            be.
        environment: variables on top of the supervisor's own.
    """

    ticket: int
    name: str
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Channels:
    """The supervisor's ends of a child's pipes; whoever gets them closes them.

    Attributes:
        to_child: lifeline, or the stdin of a command, which reaches its end when the supervisor dies.
        from_child: lifeline; may be the same descriptor as `to_child`; None for a command.
        log: what the child writes to stdout and stderr.
    """

    to_child: int
    from_child: int | None
    log: int

    def close(self) -> None:
        """Close all that is open."""
        for fd in {self.to_child, self.to_child if self.from_child is None else self.from_child, self.log}:
            os.close(fd)


@dataclass(frozen=True)
class Listener:
    """Who hears what became of orders. All are called on the event loop.

    Attributes:
        started: ticket, process id.
        failed: ticket, reason: there is no process.
        exited: process id, status.
    """

    started: Callable[[int, int], None]
    failed: Callable[[int, str], None]
    exited: Callable[[int, ExitStatus], None]


class Spawner(Protocol):
    """Makes processes, ends them, and tells how they ended."""

    def spawn(self, order: Order) -> Channels:
        """Have a process made; `Listener.started` or `Listener.failed` follows, never before this returns."""

    def send(self, pid: int, number: int) -> None:
        """Send a signal to one process; SIGKILL goes to its whole process group. Harmless if it has ended."""

    def give_up(self, ticket: int) -> None:
        """Stop waiting for a process that does not come to be; `Listener.failed` follows."""

    def close(self) -> None:
        """Let go; processes that still run are killed where the platform can do so."""


class SubprocessSpawner:
    """One fresh interpreter or program for each order, and a waiting thread for each process."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self._lock = threading.Lock()  # no signal goes to a process id that has just been reaped

    def spawn(self, order: Order) -> Channels:
        """Have a process made."""
        log_read, log_write = os.pipe()
        piped = subprocess.PIPE if not order.command else log_write
        try:
            process = subprocess.Popen(
                list(order.command) or interpreter_command("actors.runtime.child_main"),
                stdin=subprocess.PIPE,
                stdout=piped,
                stderr=log_write,
                env={**os.environ, **order.environment},
                **platform_options(),
            )
        except OSError as error:
            self._loop.call_soon(self._listener.failed, order.ticket, cannot_run(order, error))
            os.close(log_write)
            orphan_read, orphan_write = os.pipe()
            os.close(orphan_read)
            return Channels(to_child=orphan_write, from_child=None, log=log_read)
        os.close(log_write)
        self._running[process.pid] = process
        self._loop.call_soon(self._listener.started, order.ticket, process.pid)
        threading.Thread(target=self._wait, args=(process,), name=f"wait {order.name}", daemon=True).start()
        return _take_channels(process, log_read)

    def send(self, pid: int, number: int) -> None:
        """Send a signal."""
        with self._lock:
            process = self._running.get(pid)
            if process is None:
                return
            if os.name == "nt":
                process.terminate()
            elif number == signal.SIGKILL:
                end_group(pid)
            else:
                os.kill(
                    pid, number
                )  # not by way of `process`, which would reap behind the back of the waiting thread

    def give_up(self, ticket: int) -> None:
        """`spawn` has answered before it returned; there is nothing to wait for."""

    def close(self) -> None:
        """Let go of everything."""
        for pid in list(self._running):
            self.send(pid, getattr(signal, "SIGKILL", signal.SIGTERM))

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        if os.name == "posix":
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        else:
            process.wait()
        with self._lock:
            if os.name == "posix":
                end_group(process.pid)  # grandchildren; the id is not free while its leader is not reaped
            returncode = process.wait()
            del self._running[process.pid]
        try:
            self._loop.call_soon_threadsafe(
                self._listener.exited, process.pid, ExitStatus.from_returncode(returncode)
            )
        except RuntimeError:
            return  # the loop has ended, and with it everybody who would listen


def interpreter_command(module: str, *arguments: str) -> list[str]:
    """Run a module of Undercroft in a fresh interpreter that nothing of the current directory can shadow (`-P`)."""
    return [sys.executable, "-P", "-m", module, *arguments]


def cannot_run(order: Order, error: OSError) -> str:
    """Why there is no process."""
    program = order.command[0] if order.command else sys.executable
    return f"{program}: cannot be run: {error.strerror}; check the command of child {order.name!r}"


def end_group(pid: int) -> None:
    """Kill what is left of the process group of a child."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return  # nobody is left (macOS says so by EPERM when only the zombie is)


def platform_options() -> dict[str, Any]:
    """What `Popen` needs for a child to be a group of its own that dies with its parent."""
    if os.name == "nt":
        return {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
    options: dict[str, Any] = {"start_new_session": True, "umask": PRIVATE_UMASK}
    if process_name.IS_LINUX:
        parent_pid = os.getpid()
        options["preexec_fn"] = lambda: process_name.die_with_parent(parent_pid)
    return options


def _take_channels(process: subprocess.Popen[bytes], log_read: int) -> Channels:
    """The pipes of a process as descriptors of our own."""
    assert process.stdin is not None
    to_child = os.dup(process.stdin.fileno())
    process.stdin.close()
    from_child = None
    if process.stdout is not None:
        from_child = os.dup(process.stdout.fileno())
        process.stdout.close()
    return Channels(to_child=to_child, from_child=from_child, log=log_read)
