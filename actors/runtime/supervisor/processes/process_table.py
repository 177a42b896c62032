"""The processes of all children: creates them, talks to them, and emits what they do."""

from __future__ import annotations

import functools
import signal
import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from actors.runtime.supervisor.core.child_spec import BROKER, ChildSpec
from actors.runtime.supervisor.core.supervision_events import (
    BecameReady,
    Exited,
    ExitStatus,
    LifelineBroke,
    Ponged,
    Started,
    StartFailed,
)
from actors.runtime.supervisor.processes.child_process import ChildProcess
from actors.runtime.supervisor.processes.descendants.adopted_processes import AdoptedProcesses
from actors.runtime.supervisor.processes.descendants.process_tree import MARK
from actors.runtime.supervisor.processes.spawner import (
    Spawner,
    SpawnHandlers,
    SpawnOrder,
    SubprocessSpawner,
)
from actors.runtime.supervisor.supervisor_options import SpawnMethod
from bus.broker.membership.liveness_pings import LivenessPing
from bus.lifeline import LifelineMessage


@dataclass(frozen=True)
class LinesWritten:
    """A child wrote to its log."""

    actor: str
    lines: list[str]


ProcessEvent = Started | StartFailed | BecameReady | Ponged | Exited | LifelineBroke | LinesWritten


class ProcessTable:
    """At most one process for each name."""

    def __init__(
        self,
        emit: Callable[[ProcessEvent], None],
        runtime_path: Path,
        method: SpawnMethod,
        server: tuple[int, socket.socket] | None,
        preload: Iterable[str],
        mark: str = "",
    ) -> None:
        """Be ready to create processes.

        Args:
            emit: called on the event loop with everything that processes do. The last lines of a process come
                before its end.
            runtime_path: `runtime.json`; commands find the bus by it.
            method: how processes are created.
            server: a fork server that exists already; None starts a fresh one.
            preload: modules that a fresh fork server imports.
            mark: what the marks begin with by which the descendants of children are recognised; empty for no
                marks.
        """
        self._emit = emit
        self._runtime_path = runtime_path
        self._running: dict[str, ChildProcess] = {}
        self._tickets = 0
        self._mark = mark
        handlers = SpawnHandlers(self._on_started, self._on_failed, self._on_exited)
        self._spawner: Spawner
        if method == "spawn":
            self._spawner = SubprocessSpawner(handlers, functools.partial(AdoptedProcesses, mark))
        else:
            from actors.runtime.supervisor.processes.fork_spawner import ForkSpawner  # Linux only

            self._spawner = ForkSpawner(handlers, server, preload, mark)

    def start(self, spec: ChildSpec, first: LifelineMessage | None, environment: Mapping[str, str]) -> None:
        """Order a process.

        Args:
            spec: what to run.
            environment: variables that win over those of the spec.
            first: the first message on its lifeline; None for a command, which finds the bus by a variable.
        """
        self._tickets += 1
        mark = f"{self._mark}{self._tickets}" if self._mark else ""
        given = {MARK: mark} if mark else {}
        if not spec.has_lifeline:
            given["UNDERCROFT_RUNTIME"] = str(self._runtime_path)
        order = SpawnOrder(
            ticket=self._tickets,
            name=spec.name,
            command=spec.command,
            environment={**given, **spec.environment, **environment},
            directory=str(spec.directory or ""),
            mark=mark,
        )
        process = ChildProcess(
            spec.name,
            order.ticket,
            self._spawner.spawn(order),
            self._on_message,
            self._on_lines,
            self._on_broken,
        )
        self._running[spec.name] = process
        if first is not None:
            process.post(first)

    def post(self, name: str, message: LifelineMessage) -> None:
        """Send a message over the lifeline."""
        self._running[name].post(message)

    def runs(self, name: str) -> bool:
        """Whether there is a process of this name, or one was ordered."""
        return name in self._running

    def send_signal(self, name: str, what: Literal["terminate", "kill"]) -> None:
        """Send TERM to a process, or KILL to its whole group; give up a process that does not exist yet."""
        process = self._running[name]
        if process.pid is None:
            self._spawner.give_up(process.ticket)
        else:
            number = signal.SIGTERM if what == "terminate" else getattr(signal, "SIGKILL", signal.SIGTERM)
            self._spawner.send(process.pid, number)

    def dump_stacks(self, name: str) -> None:
        """Have a process write the stacks of its threads to its log (POSIX)."""
        if (pid := self._running[name].pid) is not None and hasattr(signal, "SIGUSR1"):
            self._spawner.send(pid, signal.SIGUSR1)

    def kill_all(self) -> None:
        """Kill every process now."""
        for name in list(self._running):
            self.send_signal(name, "kill")

    def close(self) -> None:
        """Close all pipes. Processes that still run are killed where the platform can do so."""
        self._spawner.close()
        for process in self._running.values():
            process.finish()

    def _on_started(self, ticket: int, pid: int) -> None:
        process = self._by_ticket(ticket)
        if process is not None:
            process.pid = pid
            self._emit(Started(process.name, pid))

    def _on_failed(self, ticket: int, reason: str, cannot_run: bool) -> None:
        process = self._by_ticket(ticket)
        if process is not None:
            self._finish(process)
            self._emit(StartFailed(process.name, reason, cannot_run))

    def _on_exited(self, pid: int, status: ExitStatus) -> None:
        process = next((found for found in self._running.values() if found.pid == pid), None)
        if process is not None:
            self._finish(process)
            self._emit(Exited(process.name, pid, status))

    def _by_ticket(self, ticket: int) -> ChildProcess | None:
        return next((found for found in self._running.values() if found.ticket == ticket), None)

    def _finish(self, process: ChildProcess) -> None:
        process.drain()  # what it said before its end comes before the news of its end
        del self._running[process.name]
        process.finish()

    def _on_lines(self, name: str, lines: list[str]) -> None:
        self._emit(LinesWritten(name, lines))

    def _on_message(self, process: ChildProcess, message: LifelineMessage) -> None:
        if message.pong is not None:
            self._emit(Ponged(process.name, message.pong))
        if message.peer_answered is not None and process.name == BROKER:
            answer = msgspec.convert(message.peer_answered, LivenessPing)
            self._emit(Ponged(answer.peer, answer.number))
        if message.ready is not None:
            self._emit(BecameReady(process.name, message.ready))

    def _on_broken(self, process: ChildProcess, problem: str) -> None:
        self._on_lines(process.name, [f"{process.name} is killed: {problem}"])
        self._emit(LifelineBroke(process.name, problem))
