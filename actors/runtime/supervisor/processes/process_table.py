"""The processes of all children: has them made, talks to them, and tells what becomes of them."""

from __future__ import annotations

import signal
import socket
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from actors.runtime.supervisor.core.child_spec import ChildSpec
from actors.runtime.supervisor.core.supervision_events import (
    BecameReady,
    Exited,
    ExitStatus,
    Happening,
    LifelineBroke,
    Ponged,
    Started,
    StartFailed,
)
from actors.runtime.supervisor.processes.child_process import Process
from actors.runtime.supervisor.processes.spawner import Listener, Order, Spawner, SubprocessSpawner
from bus.lifeline import Message

SpawnMethod = Literal["fork", "spawn"]
DEFAULT_SPAWN_METHOD: Final[SpawnMethod] = "fork" if sys.platform == "linux" else "spawn"


@dataclass(frozen=True)
class Reports:
    """Who hears what processes do. All are called on the event loop.

    Attributes:
        happened: for the policy.
        ready: name and details, before `happened` is told of it.
        lines: name, and what it wrote to its log.
        finished: name, and when the process that is gone had been ordered (time.time).
    """

    happened: Callable[[Happening], None]
    ready: Callable[[str, dict[str, object]], None]
    lines: Callable[[str, list[str]], None]
    finished: Callable[[str, float], None]


class Processes:
    """At most one process for each name."""

    def __init__(
        self,
        reports: Reports,
        runtime_path: Path,
        method: SpawnMethod,
        server: tuple[int, socket.socket] | None,
        preload: Iterable[str],
    ) -> None:
        """`server`: a fork server that is there already; `preload`: what a fresh one is to import."""
        self._reports = reports
        self._runtime_path = runtime_path
        self._running: dict[str, Process] = {}
        self._tickets = 0
        listener = Listener(self._on_started, self._on_failed, self._on_exited)
        self._spawner: Spawner
        if method == "spawn":
            self._spawner = SubprocessSpawner(listener)
        else:
            from actors.runtime.supervisor.processes.fork_spawner import ForkSpawner  # Linux only

            self._spawner = ForkSpawner(listener, server, preload)

    def start(self, spec: ChildSpec, first: Message | None) -> None:
        """Have a process made; `first` is what it is told, if it has a lifeline. One without is told where the bus is."""
        self._tickets += 1
        found = {} if spec.has_lifeline else {"UNDERCROFT_RUNTIME": str(self._runtime_path)}
        order = Order(
            ticket=self._tickets,
            name=spec.name,
            command=spec.command,
            environment={**found, **spec.environment},
        )
        channels = self._spawner.spawn(order)
        process = Process(
            spec.name,
            order.ticket,
            channels,
            time.time(),
            self._on_message,
            self._reports.lines,
            self._on_broken,
        )
        self._running[spec.name] = process
        if first is not None:
            process.post(first)

    def post(self, name: str, message: Message) -> None:
        """Send a message over the lifeline."""
        self._running[name].post(message)

    def end(self, name: str, what: Literal["terminate", "kill"]) -> None:
        """Send TERM to a process, or KILL to its whole group; a process that is not there yet is given up."""
        process = self._running[name]
        if process.pid is None:
            self._spawner.give_up(process.ticket)
        else:
            self._spawner.send(
                process.pid,
                signal.SIGTERM if what == "terminate" else getattr(signal, "SIGKILL", signal.SIGTERM),
            )

    def dump(self, name: str) -> None:
        """Have a process write the stacks of its threads to its log (POSIX)."""
        if (pid := self._running[name].pid) is not None and hasattr(signal, "SIGUSR1"):
            self._spawner.send(pid, signal.SIGUSR1)

    def kill_all(self) -> None:
        """Wait for nobody any more."""
        for name in list(self._running):
            self.end(name, "kill")

    def close(self) -> None:
        """Let go of everything; what still runs is killed where the platform can do so."""
        self._spawner.close()
        for process in self._running.values():
            process.finish()

    def _on_started(self, ticket: int, pid: int) -> None:
        for process in self._running.values():
            if process.ticket == ticket:
                process.pid = pid
                self._reports.happened(Started(process.name, pid))
                return

    def _on_failed(self, ticket: int, reason: str) -> None:
        for process in self._running.values():
            if process.ticket == ticket:
                self._finish(process)
                self._reports.happened(StartFailed(process.name, reason))
                return

    def _on_exited(self, pid: int, status: ExitStatus) -> None:
        for process in self._running.values():
            if process.pid == pid:
                self._finish(process)
                self._reports.happened(Exited(process.name, pid, status))
                return

    def _finish(self, process: Process) -> None:
        del self._running[process.name]
        process.finish()
        self._reports.finished(process.name, process.started_at)

    def _on_message(self, process: Process, message: Message) -> None:
        if message.pong is not None:
            self._reports.happened(Ponged(process.name, message.pong))
        if message.ready is not None:
            self._reports.ready(process.name, message.ready)
            self._reports.happened(BecameReady(process.name))

    def _on_broken(self, process: Process, problem: str) -> None:
        self._reports.lines(process.name, [f"{process.name} is killed: {problem}"])
        self._reports.happened(LifelineBroke(process.name, problem))
        self.end(process.name, "kill")
