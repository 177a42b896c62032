"""A supervisor's policy and process table over processes, a fork server and channels that exist on paper.

Nothing is delivered by itself: a test says which message arrives next, so that every order of messages that
two processes may deliver in either order can be tried. Each channel keeps its own order: the letters of the
fork server, the lifeline of each process, the feed of the bus.

Whatever happens, `check` holds. Once everything is delivered, `check_agreement` holds, too.
"""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from actors.runtime.supervisor.core.child_spec import ChildSpec
from actors.runtime.supervisor.core.supervision_events import (
    BecameReady,
    Effect,
    ExitStatus,
    Finish,
    Input,
    MemoryMeasured,
    RecordCrash,
    RestartRequested,
    SendPing,
    SendSignal,
    SendStop,
    SpecsChanged,
    StartProcess,
    StopRequested,
    Ticked,
)
from actors.runtime.supervisor.core.supervision_policy import SupervisionPolicy
from actors.runtime.supervisor.processes import process_table
from actors.runtime.supervisor.processes.process_table import LinesWritten, ProcessEvent, ProcessTable
from actors.runtime.supervisor.processes.spawner import ChildPipes, SpawnHandlers, SpawnOrder
from bus.lifeline import LifelineMessage, StopMessage

KILLED = ExitStatus(signal=int(signal.SIGKILL))
TERMINATED = ExitStatus(signal=int(signal.SIGTERM))
SETTLE_ROUNDS = 400


@dataclass(eq=False)
class PaperProcess:
    """A process as it really is, which the supervisor may not know yet."""

    name: str
    ticket: int
    pid: int
    alive: bool = True
    said_ready: bool = False
    broke: bool = False
    is_healthy: bool = True
    """Whether it becomes ready, answers, and ends when it is asked to, if it gets the time."""
    is_judged: bool = False
    """The supervisor has found that it did not become ready in time, or hangs."""


@dataclass(eq=False)
class PaperChild:
    """The supervisor's side of a process; stands for `ChildProcess`."""

    name: str
    ticket: int
    on_message: Callable[[Any, LifelineMessage], None]
    on_broken: Callable[[Any, str], None]
    pid: int | None = None
    inbox: deque[LifelineMessage] = field(default_factory=deque)
    """What the process reads next."""
    lifeline: deque[LifelineMessage | str] = field(default_factory=deque)
    """What the supervisor reads next; a text is nonsense."""
    is_broken: bool = False

    def post(self, message: LifelineMessage) -> None:
        self.inbox.append(message)

    def drain(self) -> None:
        while self.lifeline and not self.is_broken:
            self.read()

    def finish(self) -> None:
        self.lifeline.clear()

    def read(self) -> None:
        message = self.lifeline.popleft()
        if isinstance(message, str):
            self.is_broken = True
            self.lifeline.clear()
            self.on_broken(self, message)
        else:
            self.on_message(self, message)


class PaperSpawner:
    """Stands for the fork server and its spawner: orders wait, and so do letters."""

    def __init__(self, handlers: SpawnHandlers) -> None:
        self.handlers = handlers
        self.orders: deque[SpawnOrder | tuple[int, int]] = deque()
        self.letters: deque[Callable[[], None]] = deque()
        self.processes: dict[int, PaperProcess] = {}
        self.pending: set[int] = set()
        self.known: set[int] = set()
        self.is_dead = False
        self.next_pid = 100
        self.orders_of: dict[str, int] = {}

    def spawn(self, order: SpawnOrder) -> ChildPipes:
        assert not any(p.alive and p.name == order.name for p in self.processes.values()), "two processes"
        if not self.is_dead:  # else it fails with all others, once that is seen
            self.orders.append(order)
        self.pending.add(order.ticket)
        self.orders_of[order.name] = self.orders_of.get(order.name, 0) + 1
        return ChildPipes(to_child=-1, from_child=None, log=-1)

    def send(self, pid: int, number: int) -> None:
        if pid in self.known and not self.is_dead:
            self.orders.append((pid, number))

    def give_up(self, ticket: int) -> None:
        assert ticket not in self.pending, "the fork server is given up, though it is quick"

    def close(self) -> None:
        pass

    # What the server does

    def take_order(self, *, fails: bool = False, cannot_run: bool = False) -> None:
        order = self.orders.popleft()
        if isinstance(order, SpawnOrder):
            if fails or cannot_run:
                self.letters.append(lambda: self._failed(order.ticket, "no", cannot_run))
                return
            self.next_pid += 1
            process = PaperProcess(order.name, order.ticket, self.next_pid)
            self.processes[process.pid] = process
            self.letters.append(lambda: self._started(order.ticket, process.pid))
            return
        pid, number = order
        process = self.processes[pid]
        if number == signal.SIGKILL or (number == signal.SIGTERM and process.is_healthy):
            self.end(process, KILLED if number == signal.SIGKILL else TERMINATED)

    def end(self, process: PaperProcess, status: ExitStatus) -> None:
        if process.alive:
            process.alive = False
            self.letters.append(lambda: self._exited(process.pid, status))

    def die(self) -> None:
        """The server dies: what it wrote is still read, what it was ordered is not done."""
        self.orders.clear()
        self.is_dead = True
        for process in self.processes.values():
            process.alive = False
        self.letters.append(self._lost)

    def _started(self, ticket: int, pid: int) -> None:
        self.pending.discard(ticket)
        self.known.add(pid)
        self.handlers.started(ticket, pid)

    def _failed(self, ticket: int, reason: str, cannot_run: bool) -> None:
        if ticket in self.pending:
            self.pending.remove(ticket)
            self.handlers.failed(ticket, reason, cannot_run)

    def _exited(self, pid: int, status: ExitStatus) -> None:
        if pid in self.known:
            self.known.remove(pid)
            self.handlers.exited(pid, status)

    def _lost(self) -> None:
        self.is_dead = False
        pending, self.pending = self.pending, set()
        known, self.known = self.known, set()
        for ticket in sorted(pending):
            self.handlers.failed(ticket, "the fork server died", False)
        for pid in sorted(known):
            self.handlers.exited(pid, KILLED)


class SupervisedWorld:
    """A policy and its process table, and everything that they know only by messages."""

    def __init__(self, specs: Iterable[ChildSpec]) -> None:
        self.now = 1000.0
        self.specs = tuple(specs)
        self.children: list[PaperChild] = []
        self.bus: deque[str] = deque()
        self.is_finished = False
        self.records: list[RecordCrash] = []
        self._stopping: set[tuple[str, int]] = set()
        self.spawner: PaperSpawner
        self.table = self._table()
        self.policy = SupervisionPolicy(self.specs, self.now)
        self.feed(Ticked())

    def _table(self) -> ProcessTable:
        """The real table with paper in place of its processes."""
        table = ProcessTable.__new__(ProcessTable)
        table._emit = self.on_event
        table._runtime_path = Path("/nowhere/runtime.json")
        table._running = {}
        table._tickets = 0
        table._mark = ""
        self.spawner = PaperSpawner(SpawnHandlers(table._on_started, table._on_failed, table._on_exited))
        table._spawner = self.spawner
        return table

    # What the supervisor does

    def feed(self, event: Input) -> None:
        for effect in self.policy.handle(event, self.now, 0.5):
            assert not self.is_finished, f"{effect} after the end"
            self._obey(effect)
        self.check()

    def on_event(self, event: ProcessEvent) -> None:
        if not isinstance(event, LinesWritten):
            self.feed(event)

    def _obey(self, effect: Effect) -> None:
        match effect:
            case StartProcess(spec):
                former = process_table.ChildProcess
                process_table.ChildProcess = self._child  # type: ignore[misc, assignment]
                try:
                    self.table.start(spec, None, {})
                finally:
                    process_table.ChildProcess = former  # type: ignore[misc]
            case SendStop(name, returning):
                self.table.post(name, LifelineMessage(stop=StopMessage(returning=returning)))
            case SendPing(name, number):
                self.table.post(name, LifelineMessage(ping=number))
            case SendSignal(name, what):
                self.table.send_signal(name, what)
            case RecordCrash():
                self.records.append(effect)
            case Finish():
                self.is_finished = True
            case _:
                pass

    def _child(self, name: str, ticket: int, pipes: ChildPipes, message: Any, lines: Any, broken: Any) -> Any:
        child = PaperChild(name, ticket, message, broken)
        self.children.append(child)
        return child

    # What happens in the world

    def processes(self) -> list[PaperProcess]:
        return [process for process in self.spawner.processes.values() if process.alive]

    def process_of(self, name: str) -> PaperProcess | None:
        return next((process for process in self.processes() if process.name == name), None)

    def child_of(self, process: PaperProcess) -> PaperChild:
        return next(child for child in self.children if child.ticket == process.ticket)

    def become_ready(self, name: str) -> bool:
        process = self.process_of(name)
        spec = self._spec(name)
        if process is None or process.said_ready or process.broke or spec is None or spec.ready == "started":
            return False
        process.said_ready = True
        if spec.ready == "hello":
            self.bus.append(name)
        else:
            self.child_of(process).lifeline.append(LifelineMessage(ready={}))
        return True

    def break_lifeline(self, name: str) -> bool:
        process = self.process_of(name)
        if process is None or process.broke or self._is_command(name):
            return False
        process.broke = True
        self.child_of(process).lifeline.append("nonsense")
        return True

    def end(self, name: str, status: ExitStatus = KILLED) -> bool:
        process = self.process_of(name)
        if process is None:
            return False
        self.spawner.end(process, status)
        return True

    def read_inbox(self, name: str) -> bool:
        """A process takes its next message: answers a ping, or ends as it is told."""
        process = self.process_of(name)
        inbox = self.child_of(process).inbox if process is not None else None
        if process is None or not inbox or not process.is_healthy:
            return False
        message = inbox.popleft()
        if message.ping is not None and not process.broke:
            self.child_of(process).lifeline.append(LifelineMessage(pong=message.ping))
        if message.stop is not None:
            self.spawner.end(process, ExitStatus(code=0))
        return True

    # What is delivered

    def deliver_letter(self) -> bool:
        if not self.spawner.letters:
            return False
        self.spawner.letters.popleft()()
        return True

    def deliver_lifeline(self, name: str) -> bool:
        for child in self.table._running.values():
            assert isinstance(child, PaperChild)
            if child.name == name and child.lifeline:
                child.read()
                return True
        return False

    def deliver_bus(self) -> bool:
        if not self.bus:
            return False
        name = self.bus.popleft()
        if (spec := self._spec(name)) is not None and spec.ready == "hello":
            self.feed(BecameReady(name))
        return True

    def fork(self, *, fails: bool = False, cannot_run: bool = False) -> bool:
        """The server carries out its next order."""
        if not self.spawner.orders:
            return False
        self.spawner.take_order(fails=fails, cannot_run=cannot_run)
        return True

    def lose_server(self) -> bool:
        if self.spawner.is_dead:
            return False
        self.spawner.die()
        return True

    def tick(self) -> bool:
        """Time goes on to the next deadline, if nothing is under way: channels are faster than timeouts."""
        deadline = self.policy.deadline()
        if deadline is None or self.is_busy():
            return False
        self.now = max(self.now, deadline)
        self.feed(Ticked())
        return True

    def is_busy(self) -> bool:
        """Whether anything is still to be delivered, or to be done by a healthy process."""
        return bool(
            self.spawner.orders
            or self.spawner.letters
            or self.bus
            or any(child.lifeline for child in self.table._running.values())  # type: ignore[attr-defined]
            or any(self.child_of(p).inbox for p in self.processes() if p.is_healthy)
        )

    # What somebody asks for

    def restart(self, name: str) -> bool:
        self.feed(RestartRequested(name))
        return True

    def reload(self, specs: Iterable[ChildSpec]) -> bool:
        if not self.policy.is_leaving:
            self.specs = tuple(specs)
        self.feed(SpecsChanged(tuple(specs)))
        return True

    def stop(self) -> bool:
        if self.policy.is_leaving:
            return False
        self.feed(StopRequested())
        return True

    def measure(self, name: str, mib: float) -> bool:
        self.feed(MemoryMeasured(name, mib))
        return True

    # What must hold

    def deliver_all(self) -> None:
        """Deliver everything that is under way, in one fair order."""
        for _ in range(SETTLE_ROUNDS):
            done = [self.fork(), self.deliver_letter(), self.deliver_bus()]
            done += [self.read_inbox(process.name) for process in self.processes()]
            done += [self.deliver_lifeline(name) for name in list(self.table._running)]
            if not any(done):
                self.check_agreement()
                return
        raise AssertionError("the messages never come to an end")

    def settle(self) -> None:
        """Let every process be healthy from now on; all children come to rest."""
        for _ in range(SETTLE_ROUNDS):
            for process in self.processes():
                process.is_healthy = True
            self.deliver_all()
            while sum(self.become_ready(process.name) for process in self.processes()):
                self.deliver_all()
            if self.policy.is_leaving:
                if self.is_finished:
                    assert not self.processes(), "a process is left over"
                    return
            elif all(self._rests(name) for name in self.policy.children):
                return
            assert self.tick(), f"nothing is due, and yet not all is well: {self._states()}"
        raise AssertionError(f"the children never come to rest: {self._states()}")

    def check(self) -> None:
        for child in self.policy:
            if child.kill_reason in ("start_timeout", "hang") and child.state == "stopping":
                self._check_verdict(child.name, child.kill_reason)
            assert child.starts == self.spawner.orders_of.get(child.name, 0) or self.was_renewed(child.name)
            life = (child.name, child.starts)
            if child.state == "stopping":
                self._stopping.add(life)
            assert not (child.has_process and life in self._stopping and child.state != "stopping"), (
                f"{child.name} was to stop, and is {child.state}"
            )
            assert child.has_process == (child.state in ("starting", "ready", "stopping")), child
            if child.has_process:
                assert child.name in self.table._running
        counts: dict[str, int] = {}
        for process in self.processes():
            counts[process.name] = counts.get(process.name, 0) + 1
        assert all(count == 1 for count in counts.values()), counts

    def was_renewed(self, name: str) -> bool:
        """Whether the profile dropped this child and took it up again, so that it counts anew."""
        return self.policy.children[name].starts < self.spawner.orders_of.get(name, 0)

    def check_agreement(self) -> None:
        """With everything delivered, what the supervisor believes is so."""
        found = {process.name: process for process in self.processes()}
        assert found.keys() == {child.name for child in self.policy if child.has_process}, self._states()
        assert found.keys() == self.table._running.keys()
        for name, process in found.items():
            child = self.policy.children[name]
            assert child.pid == process.pid
            assert child.state != "starting" or not process.said_ready, f"{name} is ready, and nobody knows"
            if child.state == "ready" and child.spec.ready == "message":
                assert process.said_ready, f"{name} never said that it is ready"
            assert not process.broke or child.state == "stopping"
        deadline = self.policy.deadline()
        waits = [child.name for child in self.policy if child.state in ("starting", "stopping", "backoff")]
        assert not waits or deadline is not None, f"{waits} wait for ever"

    def _check_verdict(self, name: str, verdict: str) -> None:
        """A process that is killed for something did it."""
        process = self.process_of(name)
        if process is None or process.is_judged or process.broke:
            return
        process.is_judged = True
        if verdict == "start_timeout":
            assert not process.said_ready, f"{name} said that it is ready"
        else:
            assert not process.is_healthy, f"{name} answers its pings"

    def _rests(self, name: str) -> bool:
        child = self.policy.children[name]
        if child.state == "waiting":
            return self.policy.is_blocked(child) and not any(
                self.policy.children[other].due_at for other in child.spec.depends_on
            )
        return child.state in ("ready", "stopped") or (child.state == "failed" and child.due_at is None)

    def _states(self) -> dict[str, str]:
        return {child.name: child.state for child in self.policy}

    def _spec(self, name: str) -> ChildSpec | None:
        child = self.policy.children.get(name)
        return child.spec if child is not None else None

    def _is_command(self, name: str) -> bool:
        spec = self._spec(name)
        return spec is None or not spec.has_lifeline

    def actions(self, name: str) -> Iterator[tuple[str, Callable[[], bool]]]:
        """Everything that can happen next to one child, and to all."""
        changed = [
            ChildSpec(
                name=spec.name,
                entry=spec.entry,
                command=spec.command,
                ready=spec.ready,
                restart=spec.restart,
                depends_on=spec.depends_on,
                intensity=spec.intensity + (spec.name == name),
            )
            for spec in self.specs
        ]
        without = [spec for spec in self.specs if spec.name != name and name not in spec.depends_on]
        yield "the server forks", self.fork
        yield "the server cannot fork", lambda: self.fork(fails=True)
        yield "the program is missing", lambda: self.fork(cannot_run=True)
        yield "the server dies", self.lose_server
        yield "a letter arrives", self.deliver_letter
        yield "the lifeline is read", lambda: self.deliver_lifeline(name)
        yield "the feed is read", self.deliver_bus
        yield "it becomes ready", lambda: self.become_ready(name)
        yield "it breaks its lifeline", lambda: self.break_lifeline(name)
        yield "it crashes", lambda: self.end(name)
        yield "it ends well", lambda: self.end(name, ExitStatus(code=0))
        yield "it reads its next message", lambda: self.read_inbox(name)
        yield "time goes on", self.tick
        yield "a restart is asked for", lambda: self.restart(name)
        yield "its spec changes", lambda: self.reload(changed)
        yield "it leaves the profile", lambda: self.reload(without)
        yield "all is to stop", self.stop
        yield "it takes too much memory", lambda: self.measure(name, 1e9)
