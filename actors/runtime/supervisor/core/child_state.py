"""What the supervisor knows of one child."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from actors.runtime.supervisor.core.child_spec import ChildSpec
from actors.runtime.supervisor.core.restart_budget import RestartBudget
from actors.runtime.supervisor.core.supervision_events import Blame
from schemas.operations.supervision import ActorState

Then = Literal["stay", "restart", "remove", "crash"]
"""What follows once a stopping process is gone."""

Word = Literal["message", "terminate", "dump", "kill"]
"""The last word that a stopping process was given."""


@dataclass
class Child:
    """One child and what is due for it. All times are seconds of one monotonic clock.

    Attributes:
        has_process: a start was ordered, and no end was reported since. At most one process exists while this
            is so.
        pid: None until the process is known to exist.
        starts: how often a process was ordered.
        failures: abnormal ends in a row, since it was last healthy.
        probes: starts behind the open circuit that failed.
        due_at: when the present state runs out (start timeout, backoff, probe, next harder word, proof of
            health).
        pinged_at: since when a ping is unanswered; None if none is.
        fault: why the supervisor itself ends the process, in words.
        blame: the same as one of a few.
        ordered_at: when its newest process was ordered.
    """

    spec: ChildSpec
    since: float
    state: ActorState = "waiting"
    reason: str = ""
    has_process: bool = False
    pid: int | None = None
    starts: int = 0
    failures: int = 0
    probes: int = 0
    circuit_open: bool = False
    due_at: float | None = None
    pinged_at: float | None = None
    ping_number: int = 0
    ended_clean: bool = False
    then: Then = "stay"
    word: Word | None = None
    fault: str = ""
    blame: Blame = ""
    ordered_at: float = 0.0
    budget: RestartBudget = field(init=False)

    def __post_init__(self) -> None:
        self.adopt(self.spec)

    def adopt(self, spec: ChildSpec) -> None:
        """Go by another spec from now on, with nothing held against it."""
        self.spec = spec
        self.budget = RestartBudget(spec.intensity, spec.period_seconds)
        self.forgive()

    def forgive(self) -> None:
        """Forget all failures; the circuit is closed."""
        self.failures = self.probes = 0
        self.circuit_open = False
        self.budget.refill()

    @property
    def name(self) -> str:
        """Name of the child."""
        return self.spec.name

    @property
    def restarts(self) -> int:
        """How often it was started again."""
        return max(0, self.starts - 1)

    @property
    def satisfies_dependents(self) -> bool:
        """Whether those that depend on it may start: it serves, or it did its work and ended well."""
        return self.state == "ready" or (self.state == "stopped" and self.ended_clean)

    @property
    def is_done_for(self) -> bool:
        """Whether those that depend on it wait in vain for now."""
        return (
            self.circuit_open or self.state == "failed" or (self.state == "stopped" and not self.ended_clean)
        )

    @property
    def is_watched(self) -> bool:
        """Whether its loop has to answer pings."""
        return self.state == "ready" and self.spec.has_lifeline and self.spec.heartbeat_timeout_seconds > 0

    def next_deadline(self) -> float | None:
        """When something is due next; None if nothing is."""
        deadlines = [self.due_at] if self.due_at is not None else []
        if self.pinged_at is not None and self.is_watched:
            deadlines.append(self.pinged_at + self.spec.heartbeat_timeout_seconds)
        return min(deadlines, default=None)
