"""What the supervisor knows of one child. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from actors.runtime.supervisor.core.child_spec import ChildSpec
from actors.runtime.supervisor.core.restart_budget import RestartBudget
from actors.runtime.supervisor.core.supervision_events import KillReason
from schemas.operations.supervision import ActorState

AfterStop = Literal["stay", "restart", "remove", "crash"]
"""What follows once a stopping process is gone; `crash` counts as a failure."""

StopStep = Literal["message", "terminate", "dump", "kill"]
"""How a stopping process was last asked to end, from gentle to hard."""


@dataclass
class ChildState:
    """One child and what is due for it. All times are seconds of one monotonic clock.

    Attributes:
        has_process: a start was ordered and no end was reported since; at most one process exists meanwhile.
        pid: None until the process is known to exist.
        said_ready: it reported that it serves before its process was known to exist.
        kills: how often its process was ordered to be killed.
        starts: how often a process was ordered.
        failures: abnormal ends in a row since it was last healthy.
        probes: failed starts behind the open circuit.
        due_at: when the present state runs out: a start timeout, a delay, the next stop step, or proof of
            health.
        pinged_at: since when a ping is unanswered; None if none is.
        kill_reason: why the supervisor itself ends the process.
        fault: the same in words.
        ordered_at: when its newest process was ordered.
    """

    spec: ChildSpec
    since: float
    state: ActorState = "waiting"
    reason: str = ""
    has_process: bool = False
    pid: int | None = None
    said_ready: bool = False
    starts: int = 0
    failures: int = 0
    probes: int = 0
    circuit_open: bool = False
    due_at: float | None = None
    pinged_at: float | None = None
    ping_number: int = 0
    ended_clean: bool = False
    after_stop: AfterStop = "stay"
    stop_step: StopStep | None = None
    kill_reason: KillReason = ""
    fault: str = ""
    ordered_at: float = 0.0
    kills: int = 0
    budget: RestartBudget = field(init=False)

    def __post_init__(self) -> None:
        self.replace_spec(self.spec)

    def replace_spec(self, spec: ChildSpec) -> None:
        """Follow another spec from now on, with all failures forgotten."""
        self.spec = spec
        self.budget = RestartBudget(spec.intensity, spec.period_seconds)
        self.forget_failures()

    def forget_failures(self) -> None:
        """Close the circuit and start counting anew."""
        self.failures = self.probes = 0
        self.circuit_open = False
        self.budget.refill()

    @property
    def name(self) -> str:
        """Name of the child."""
        return self.spec.name

    @property
    def restarts(self) -> int:
        """How often it was restarted."""
        return max(0, self.starts - 1)

    @property
    def is_removed(self) -> bool:
        """Whether the profile no longer has it and its process is gone."""
        return self.after_stop == "remove" and not self.has_process

    @property
    def satisfies_dependents(self) -> bool:
        """Whether its dependents may start: it serves, or it did its work and ended well."""
        return self.state == "ready" or (self.state == "stopped" and self.ended_clean)

    @property
    def blocks_dependents(self) -> bool:
        """Whether its dependents wait in vain for now."""
        return (
            self.circuit_open or self.state == "failed" or (self.state == "stopped" and not self.ended_clean)
        )

    @property
    def is_watched(self) -> bool:
        """Whether its event loop must answer pings."""
        return self.state == "ready" and self.spec.hangs_after_seconds > 0

    def creation_deadline(self, creation_seconds: float) -> float:
        """Until when its process must exist."""
        return self.ordered_at + creation_seconds

    def next_deadline(self) -> float | None:
        """When something is due next; None if nothing is."""
        deadlines = [self.due_at] if self.due_at is not None else []
        if self.pinged_at is not None and self.is_watched:
            deadlines.append(self.pinged_at + self.spec.hangs_after_seconds)
        return min(deadlines, default=None)
