"""Decides what the supervisor does about all children together: order, pings, deadlines, the stop. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final, assert_never

from actors.runtime.supervisor.core import child_lifecycle
from actors.runtime.supervisor.core.child_spec import BROKER, ChildSpec, start_order
from actors.runtime.supervisor.core.child_state import ChildState
from actors.runtime.supervisor.core.supervision_events import (
    BecameReady,
    ChildInput,
    Effect,
    Exited,
    Finish,
    Input,
    LifelineBroke,
    MemoryMeasured,
    Ponged,
    PublishRemoval,
    RestartRequested,
    SendPing,
    SpecsChanged,
    Started,
    StartFailed,
    StopRequested,
    Ticked,
)

PING_INTERVAL_SECONDS: Final = 2.0
LATENESS_SECONDS: Final = 1.0
"""If the supervisor itself is later than this (a suspended machine), children get the missed time back."""

LEAVING: Final = "the runtime stops"


class SupervisionPolicy:
    """The children of one supervisor, in their start order."""

    def __init__(self, specs: Iterable[ChildSpec], now: float) -> None:
        """Take the specs; the first input starts the children.

        Raises:
            SpecError: the specs do not fit together.
        """
        self.children = {spec.name: ChildState(spec, since=now) for spec in start_order(specs)}
        self.is_leaving = False
        self._has_finished = False
        self._ping_at = now + PING_INTERVAL_SECONDS
        self._ping_number = 0

    def __iter__(self) -> Iterator[ChildState]:
        return iter(self.children.values())

    @property
    def is_settled(self) -> bool:
        """Whether every child that should run is ready, has failed, or waits for one that has failed."""
        return all(
            child.state in ("ready", "failed", "stopped") or child.blocks_dependents or self.is_blocked(child)
            for child in self
        )

    def is_blocked(self, child: ChildState) -> bool:
        """Whether it waits for a child that has failed, or for one that is itself blocked."""
        needed = [self.children[name] for name in child.spec.depends_on]
        return child.state == "waiting" and any(
            other.blocks_dependents or self.is_blocked(other) for other in needed
        )

    def deadline(self) -> float | None:
        """When `Ticked` is due next; None if only another input can change anything."""
        deadlines = [at for child in self if (at := child.next_deadline()) is not None]
        if not self.is_leaving and any(child.is_watched for child in self):
            deadlines.append(self._ping_at)
        return min(deadlines, default=None)

    def handle(self, event: Input, now: float, jitter: float = 0.0) -> list[Effect]:
        """Take one input and return what to do about it.

        Args:
            event: what happened.
            now: when, in seconds of a monotonic clock.
            jitter: random number in [0, 1).
        """
        self._give_back_missed_time(now)
        effects: list[Effect] = []
        match event:
            case Ticked():
                pass
            case SpecsChanged(specs):
                effects = self._change_specs(specs, now)
            case StopRequested():
                self.is_leaving = True
            case _:
                child = self.children.get(event.actor)
                if child is not None:
                    effects = self._handle_child(child, event, now, jitter)
        return effects + self._do_what_is_due(now)

    def _handle_child(self, child: ChildState, event: ChildInput, now: float, jitter: float) -> list[Effect]:
        match event:
            case Started(_, pid):
                return child_lifecycle.started(child, pid, now, is_leaving=self.is_leaving)
            case BecameReady():
                return child_lifecycle.became_ready(child, now)
            case StartFailed(_, reason, cannot_run) if child.has_process and child.pid is None:
                effects = child_lifecycle.ended(
                    child, reason, None, now, jitter, is_leaving=self.is_leaving, cannot_run=cannot_run
                )
                return self._without_removed(child, effects)
            case Exited(_, pid, status) if child.pid == pid:
                effects = child_lifecycle.ended(
                    child, str(status), status, now, jitter, is_leaving=self.is_leaving
                )
                return self._without_removed(child, effects)
            case Ponged(_, number) if number == child.ping_number:
                child.pinged_at = None
            case LifelineBroke(_, problem):
                return child_lifecycle.lifeline_broke(child, problem, now)
            case MemoryMeasured(_, mib):
                return child_lifecycle.check_memory(child, mib, now, is_leaving=self.is_leaving)
            case RestartRequested():
                return child_lifecycle.restart(child, now, is_leaving=self.is_leaving)
            case StartFailed() | Exited() | Ponged():
                pass  # of an earlier process or ping
            case _:
                assert_never(event)
        return []

    def _without_removed(self, child: ChildState, effects: list[Effect]) -> list[Effect]:
        if child.is_removed:
            del self.children[child.name]
        return effects

    # What is due

    def _give_back_missed_time(self, now: float) -> None:
        deadline = self.deadline()
        late_seconds = now - deadline if deadline is not None else 0.0
        if late_seconds <= LATENESS_SECONDS:
            return
        late_seconds += LATENESS_SECONDS  # what children said or did meanwhile has still to be read
        for child in self:
            if child.pinged_at is not None:
                child.pinged_at += late_seconds
            if child.state in ("starting", "stopping") and child.due_at is not None:
                child.due_at += late_seconds

    def _do_what_is_due(self, now: float) -> list[Effect]:
        effects: list[Effect] = []
        for child in self:
            if (at := child.next_deadline()) is not None and at <= now:
                effects += self._run_out(child, now)
        if self.is_leaving:
            return effects + self._stop_next(now)
        for child in self:
            if child.state == "waiting":
                effects += self._start_if_possible(child, now)
        if now >= self._ping_at:
            effects += self._ping(now)
        return effects

    def _run_out(self, child: ChildState, now: float) -> list[Effect]:
        """The time of the present state is over."""
        spec = child.spec
        match child.state:
            case "backoff":
                return child_lifecycle.start(child, child.reason, now)
            case "failed":
                return child_lifecycle.start(child, f"probe after: {child.reason}", now)
            case "starting":
                fault = f"not ready within {spec.start_timeout_seconds:g} s"
                if child.pid is None:
                    fault = f"its process was not created within {child_lifecycle.CREATION_SECONDS:g} s"
                return child_lifecycle.kill_for(child, "start_timeout", fault, now)
            case "stopping":
                return child_lifecycle.next_stop_step(child, now, is_leaving=self.is_leaving)
            case "ready" if child.due_at is not None and child.due_at <= now:
                child.forget_failures()
                child.due_at = None
            case "ready" if not child.spec.has_lifeline and self._broker_lost_ping_of(child):
                child.pinged_at = None
            case "ready":
                fault = f"hung: no answer to a ping for {spec.hangs_after_seconds:g} s"
                return child_lifecycle.kill_for(child, "hang", fault, now)
            case "waiting" | "stopped":
                child.due_at = None
            case _:
                assert_never(child.state)
        return []

    def _broker_lost_ping_of(self, child: ChildState) -> bool:
        """Whether the broker, which carries the pings of commands, was itself away or silent meanwhile."""
        broker, asked_at = self.children.get(BROKER), child.pinged_at
        if broker is None or asked_at is None:
            return True
        return broker.state != "ready" or broker.since > asked_at or broker.pinged_at is not None

    def _start_if_possible(self, child: ChildState, now: float) -> list[Effect]:
        needed = [self.children[name] for name in child.spec.depends_on]
        missing = [other for other in needed if not other.satisfies_dependents]
        if not missing:
            return child_lifecycle.start(child, "", now)
        reason = "waits for " + ", ".join(
            f"{other.name} ({other.state})" if other.blocks_dependents else other.name for other in missing
        )
        return child_lifecycle.enter(child, "waiting", reason, now) if reason != child.reason else []

    def _ping(self, now: float) -> list[Effect]:
        self._ping_at = now + PING_INTERVAL_SECONDS
        watched = [child for child in self if child.is_watched and child.pinged_at is None]
        if watched:
            self._ping_number += 1
        for child in watched:
            child.pinged_at, child.ping_number = now, self._ping_number
        return [SendPing(child.name, self._ping_number) for child in watched]

    # All children together

    def _stop_next(self, now: float) -> list[Effect]:
        """Stop the children that no running child depends on; finish when none runs."""
        effects: list[Effect] = []
        needed = {name for child in self if child.has_process for name in child.spec.depends_on}
        for child in reversed(list(self)):
            if child.kills > child_lifecycle.KILLS_BEFORE_LEAVING and child.has_process:
                child.has_process, child.pid = False, None
                effects += child_lifecycle.enter(child, "stopped", "the kernel does not end its process", now)
            elif child.has_process and child.state == "stopping":
                child.after_stop = "stay"
            elif child.has_process and child.name not in needed:
                effects += child_lifecycle.stop(child, "stay", LEAVING, now, is_leaving=True)
            elif not child.has_process and child.state != "stopped":
                effects += child_lifecycle.enter(child, "stopped", LEAVING, now)
        if not self._has_finished and not any(child.has_process for child in self):
            self._has_finished = True
            effects.append(Finish())
        return effects

    def _change_specs(self, specs: tuple[ChildSpec, ...], now: float) -> list[Effect]:
        ordered = start_order(specs)
        if self.is_leaving:
            return []
        effects: list[Effect] = []
        before, self.children = self.children, {}
        for spec in ordered:
            child = before.pop(spec.name) if spec.name in before else ChildState(spec, since=now)
            self.children[spec.name] = child
            is_being_removed = child.state == "stopping" and child.after_stop == "remove"
            if child.spec != spec or is_being_removed:
                effects += self._change_spec(child, spec, now)
        for child in before.values():
            effects += self._remove(child, now)
        return effects

    def _change_spec(self, child: ChildState, spec: ChildSpec, now: float) -> list[Effect]:
        reason = "its spec has changed"
        child.replace_spec(spec)
        if child.has_process:
            return child_lifecycle.stop(child, "restart", reason, now, is_leaving=False)
        return child_lifecycle.enter(child, "waiting", reason, now)

    def _remove(self, child: ChildState, now: float) -> list[Effect]:
        if not child.has_process:
            return [PublishRemoval(child.name)]
        self.children[child.name] = child
        child.spec = replace(child.spec, depends_on=())
        return child_lifecycle.stop(child, "remove", "it is no longer in the profile", now, is_leaving=False)
