"""Decides what the supervisor does; reads no clock, makes no process, and is told everything it knows.

`Supervision.handle(happening, now, jitter)` changes the state of the children and returns the actions that
follow. What it promises: a child has at most one process; it is first started when all that it depends on are
ready;
every end of a process leads to a restart, an open circuit or a stop; a stop comes to its end whatever the
children do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final, assert_never

from actors.runtime.supervisor.core.child_spec import ChildSpec, start_order
from actors.runtime.supervisor.core.child_state import Child, Then
from actors.runtime.supervisor.core.restart_budget import (
    HEALTHY_SECONDS,
    probe_delay_seconds,
    restart_delay_seconds,
)
from actors.runtime.supervisor.core.supervision_events import (
    Action,
    Announce,
    BecameReady,
    Blame,
    Dump,
    Exited,
    ExitStatus,
    Forget,
    Happening,
    Leave,
    LifelineBroke,
    MemoryMeasured,
    Ping,
    Ponged,
    Record,
    RestartAsked,
    Send,
    SpecsChanged,
    Start,
    Started,
    StartFailed,
    StopAsked,
    Tell,
    Ticked,
)
from schemas.operations.supervision import ActorState

PING_INTERVAL_SECONDS: Final = 2.0
TERMINATE_GRACE_SECONDS: Final = 2.0
DUMP_GRACE_SECONDS: Final = 0.25
LATENESS_SECONDS: Final = 1.0
"""If the supervisor itself comes later than this (a suspended machine), the children get the time that it missed."""


class Supervision:
    """The children of one supervisor, in their start order."""

    def __init__(self, specs: Iterable[ChildSpec], now: float) -> None:
        """Raises `SpecError` if the specs do not fit together."""
        self.children = {spec.name: Child(spec, since=now) for spec in start_order(specs)}
        self.is_leaving = False
        self._has_left = False
        self._ping_at = now + PING_INTERVAL_SECONDS
        self._ping_number = 0
        self._actions: list[Action] = []

    @property
    def is_settled(self) -> bool:
        """Whether every child that should run is ready, or has failed, or waits for one that has."""
        return all(
            child.state in ("ready", "failed", "stopped") or child.is_done_for or self.is_blocked(child)
            for child in self
        )

    def is_blocked(self, child: Child) -> bool:
        """Whether it waits for a child that has failed, or for one that is itself blocked."""
        needed = [self.children[name] for name in child.spec.depends_on]
        return child.state == "waiting" and any(
            other.is_done_for or self.is_blocked(other) for other in needed
        )

    def __iter__(self) -> Iterator[Child]:
        return iter(self.children.values())

    def deadline(self) -> float | None:
        """When `Ticked` is due next; None if only another happening can bring anything."""
        deadlines = [at for child in self if (at := child.next_deadline()) is not None]
        if not self.is_leaving and any(child.is_watched for child in self):
            deadlines.append(self._ping_at)
        return min(deadlines, default=None)

    def handle(self, happening: Happening, now: float, jitter: float = 0.0) -> list[Action]:
        """Take in what happened at `now`; `jitter` is a random number in [0, 1)."""
        self._forgive_lateness(now)
        match happening:
            case Ticked():
                pass
            case (
                Started()
                | StartFailed()
                | BecameReady()
                | Ponged()
                | Exited()
                | LifelineBroke()
                | MemoryMeasured()
                | RestartAsked()
            ):
                child = self.children.get(happening.actor)
                if child is not None:
                    self._handle_child(child, happening, now, jitter)
            case SpecsChanged(specs):
                self._change_specs(specs, now)
            case StopAsked():
                self.is_leaving = True
            case _:
                assert_never(happening)
        self._carry_on(now, jitter)
        actions, self._actions = self._actions, []
        return actions

    def _handle_child(
        self,
        child: Child,
        happening: Started
        | StartFailed
        | BecameReady
        | Ponged
        | Exited
        | LifelineBroke
        | MemoryMeasured
        | RestartAsked,
        now: float,
        jitter: float,
    ) -> None:
        match happening:
            case Started(_, pid):
                self._started(child, pid, now)
            case StartFailed(_, reason):
                if child.has_process and child.pid is None:
                    self._ended(child, reason, None, now, jitter)
            case BecameReady():
                self._became_ready(child, now)
            case Ponged(_, number):
                if number == child.ping_number:
                    child.pinged_at = None
            case Exited(_, pid, status):
                if child.pid == pid:
                    self._ended(child, str(status), status, now, jitter)
            case LifelineBroke(_, problem):
                child.fault, child.blame = f"its lifeline broke: {problem}", "lifeline"
            case MemoryMeasured(_, mib):
                limit = child.spec.memory_limit_mib
                if limit and mib > limit and child.state in ("starting", "ready"):
                    child.fault, child.blame = (
                        f"{mib:.0f} MiB of memory, limit is {limit} MiB",
                        "memory_limit",
                    )
                    self._stop(child, "crash", child.fault, now)
            case RestartAsked():
                self._restart(child, now)
            case _:
                assert_never(happening)

    # What becomes of one child

    def _enter(
        self, child: Child, state: ActorState, reason: str, now: float, due_at: float | None = None
    ) -> None:
        child.state, child.reason, child.since, child.due_at = state, reason, now, due_at
        child.pinged_at = None
        self._actions.append(Announce(child.name))

    def _start(self, child: Child, reason: str, now: float) -> None:
        child.has_process, child.pid, child.word, child.fault, child.blame, child.ended_clean = (
            True,
            None,
            None,
            "",
            "",
            False,
        )
        child.ordered_at = now
        child.starts += 1
        self._enter(child, "starting", reason, now, now + child.spec.start_timeout_seconds)
        self._actions.append(Start(child.spec))

    def _started(self, child: Child, pid: int, now: float) -> None:
        if not child.has_process or child.pid is not None:
            return
        child.pid = pid
        if child.state == "stopping":
            self._next_word(child, now)
        elif child.spec.ready == "started":
            self._became_ready(child, now)

    def _became_ready(self, child: Child, now: float) -> None:
        if child.state == "starting" and child.pid is not None:
            self._enter(child, "ready", "", now, now + HEALTHY_SECONDS if child.failures else None)

    def _ended(self, child: Child, reason: str, status: ExitStatus | None, now: float, jitter: float) -> None:
        was, fault, then = child.state, child.fault, child.then
        clean = status is not None and status.is_clean
        if _is_crash(child, clean, self.is_leaving):
            self._actions.append(_record(child, f"{fault} ({reason})" if fault else reason, status, now))
        if was == "ready" and now - child.since >= HEALTHY_SECONDS:
            child.forgive()
        child.has_process, child.pid, child.ended_clean = False, None, clean
        if was == "stopping" and then == "remove":
            del self.children[child.name]
            self._actions.append(Forget(child.name))
        elif self.is_leaving or (was == "stopping" and then == "stay"):
            self._enter(child, "stopped", reason, now)
        elif was == "stopping" and then == "restart":
            self._start(child, "restart was asked for", now)
        elif not fault and (
            child.spec.restart == "temporary" or (child.spec.restart == "transient" and clean)
        ):
            self._enter(child, "stopped", reason, now)
        elif fault and child.spec.restart == "temporary":
            self._enter(child, "stopped", f"{fault} ({reason})", now)
        else:
            self._crashed(child, f"{fault} ({reason})" if fault else reason, now, jitter)

    def _crashed(self, child: Child, reason: str, now: float, jitter: float) -> None:
        child.failures += 1
        child.ended_clean = False
        if child.circuit_open or not child.budget.spend(now):
            probe_seconds = probe_delay_seconds(child.probes, jitter)
            child.circuit_open, child.probes = True, child.probes + 1
            self._enter(child, "failed", reason, now, now + probe_seconds)
            return
        delay_seconds = restart_delay_seconds(child.failures, jitter)
        if delay_seconds:
            self._enter(child, "backoff", reason, now, now + delay_seconds)
        else:
            self._start(child, reason, now)

    def _restart(self, child: Child, now: float) -> None:
        if self.is_leaving or (child.state == "stopping" and child.then == "remove"):
            return
        child.forgive()
        if child.has_process:
            child.fault, child.blame = "", ""
            self._stop(child, "restart", "restart was asked for", now)
        elif child.state != "waiting":
            self._start(child, "restart was asked for", now)

    # Stopping: message, then TERM, then KILL

    def _stop(self, child: Child, then: Then, reason: str, now: float) -> None:
        if child.state == "stopping":
            child.then = then  # the words already go their way
            return
        child.then, child.word = then, None
        self._enter(child, "stopping", reason, now, now + child.spec.shutdown_timeout_seconds)
        if child.pid is not None:
            self._next_word(child, now)

    def _next_word(self, child: Child, now: float) -> None:
        """Say the next, harder word to a stopping process. One that did not even come to be in time is killed."""
        if child.pid is None:
            child.word, child.due_at = "kill", None
            self._actions.append(Send(child.name, "kill"))
        elif child.word is None and child.spec.has_lifeline:
            child.word, child.due_at = "message", now + child.spec.shutdown_timeout_seconds
            self._actions.append(
                Tell(child.name, returning=child.then in ("restart", "crash") and not self.is_leaving)
            )
        elif child.word in (None, "message"):
            grace_seconds = (
                TERMINATE_GRACE_SECONDS if child.spec.has_lifeline else child.spec.shutdown_timeout_seconds
            )
            child.word, child.due_at = "terminate", now + grace_seconds
            self._actions.append(Send(child.name, "terminate"))
        else:
            child.word, child.due_at = "kill", None
            self._actions.append(Send(child.name, "kill"))

    def _kill_for(self, child: Child, blame: Blame, fault: str, now: float) -> None:
        """End a process that does not do what it should; it is asked for its stacks first."""
        self._enter(child, "stopping", fault, now, now + DUMP_GRACE_SECONDS)
        child.then, child.word, child.fault, child.blame = "crash", "dump", fault, blame
        if child.pid is not None and child.spec.has_lifeline:
            self._actions.append(Dump(child.name))

    # What is due

    def _forgive_lateness(self, now: float) -> None:
        deadline = self.deadline()
        late_seconds = now - deadline if deadline is not None else 0.0
        if late_seconds <= LATENESS_SECONDS:
            return
        for child in self:
            if child.pinged_at is not None:
                child.pinged_at += late_seconds
            if child.state == "starting" and child.due_at is not None:
                child.due_at += late_seconds

    def _carry_on(self, now: float, jitter: float) -> None:
        for child in list(self):
            if (at := child.next_deadline()) is not None and at <= now:
                self._run_out(child, now)
        if self.is_leaving:
            self._stop_next(now)
            return
        for child in self:
            if child.state == "waiting":
                self._start_if_possible(child, now)
        if now >= self._ping_at:
            self._ping(now)

    def _run_out(self, child: Child, now: float) -> None:
        match child.state:
            case "backoff":
                self._start(child, child.reason, now)
            case "failed":
                self._start(child, f"probe after: {child.reason}", now)
            case "starting":
                self._kill_for(
                    child, "start_timeout", f"not ready within {child.spec.start_timeout_seconds:g} s", now
                )
            case "stopping":
                self._next_word(child, now)
            case "ready" if child.due_at is not None and child.due_at <= now:
                child.forgive()
                child.due_at = None
            case "ready":
                self._kill_for(
                    child,
                    "hang",
                    f"hung: no answer to a ping for {child.spec.heartbeat_timeout_seconds:g} s",
                    now,
                )
            case "waiting" | "stopped":
                child.due_at = None
            case _:
                assert_never(child.state)

    def _start_if_possible(self, child: Child, now: float) -> None:
        missing = [
            self.children[name]
            for name in child.spec.depends_on
            if not self.children[name].satisfies_dependents
        ]
        if not missing:
            self._start(child, "", now)
            return
        reason = "waits for " + ", ".join(
            f"{other.name} ({other.state})" if other.is_done_for else other.name for other in missing
        )
        if reason != child.reason:
            self._enter(child, "waiting", reason, now)

    def _ping(self, now: float) -> None:
        self._ping_at = now + PING_INTERVAL_SECONDS
        watched = [child for child in self if child.is_watched and child.pinged_at is None]
        if watched:
            self._ping_number += 1
        for child in watched:
            child.pinged_at, child.ping_number = now, self._ping_number
            self._actions.append(Ping(child.name, self._ping_number))

    # All children together

    def _stop_next(self, now: float) -> None:
        """Stop those that nobody who still runs depends on; say so when nobody runs."""
        needed = {name for child in self if child.has_process for name in child.spec.depends_on}
        for child in reversed(list(self)):
            if child.has_process and child.state == "stopping":
                child.then = "stay"
            elif child.has_process and child.name not in needed:
                self._stop(child, "stay", "the runtime stops", now)
            elif not child.has_process and child.state != "stopped":
                self._enter(child, "stopped", "the runtime stops", now)
        if not self._has_left and not any(child.has_process for child in self):
            self._has_left = True
            self._actions.append(Leave())

    def _change_specs(self, specs: tuple[ChildSpec, ...], now: float) -> None:
        ordered = start_order(specs)
        if self.is_leaving:
            return
        before, self.children = self.children, {}
        for spec in ordered:
            child = before.pop(spec.name) if spec.name in before else Child(spec, since=now)
            self.children[spec.name] = child
            is_other = child.spec != spec or (child.state == "stopping" and child.then == "remove")
            if not is_other:
                continue
            child.adopt(spec)
            if child.has_process:
                self._stop(child, "restart", "its spec has changed", now)
            else:
                self._enter(child, "waiting", "its spec has changed", now)
        for child in before.values():
            self.children[child.name] = child
            child.spec = replace(child.spec, depends_on=())
            if child.has_process:
                self._stop(child, "remove", "it is no longer in the profile", now)
            else:
                del self.children[child.name]
                self._actions.append(Forget(child.name))


def _is_crash(child: Child, clean: bool, is_leaving: bool) -> bool:
    """Whether a process that is gone was not meant to go."""
    if child.state == "stopping" and child.then != "crash":
        return False
    return bool(child.fault) or not clean or (child.spec.restart == "permanent" and not is_leaving)


def _record(child: Child, reason: str, status: ExitStatus | None, now: float) -> Record:
    return Record(
        actor=child.name,
        pid=child.pid,
        reason=reason,
        status=status,
        blame=child.blame,
        was=child.state,
        is_actor=child.spec.has_lifeline,
        uptime_seconds=now - child.ordered_at,
        restarts=child.restarts,
    )
