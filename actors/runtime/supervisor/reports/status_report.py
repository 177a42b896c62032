"""Says how the runtime is: the state of each child, and what it left behind."""

from __future__ import annotations

import os
import time

from actors.runtime.supervisor.core.child_state import ChildState
from actors.runtime.supervisor.core.supervision_policy import SupervisionPolicy
from actors.runtime.supervisor.reports.crash_recorder import CrashRecorder
from actors.runtime.supervisor.reports.log_ring import LogRings
from actors.runtime.supervisor.supervisor_options import SupervisorOptions
from actors.shared.version import VERSION
from schemas.operations.supervision import ActorStatus, SupervisorStatusEvent


class StatusReport:
    """The state of the children, with what the policy does not know: their words and their former ends."""

    def __init__(
        self,
        options: SupervisorOptions,
        policy: SupervisionPolicy,
        logs: LogRings,
        crashes: CrashRecorder,
        started_at: float,
    ) -> None:
        """Report nothing yet; `started_at` is when the supervisor began, seconds since the Unix epoch."""
        self._started_at = started_at
        self._clock_offset = started_at - time.monotonic()
        self._options = options
        self._policy = policy
        self._logs = logs
        self._crashes = crashes
        self._last_words: dict[str, str] = {}
        self._lines_before: dict[str, int] = {}

    def begins(self, actor: str) -> None:
        """A process is about to be ordered: what it writes comes after what is there."""
        self._lines_before[actor] = self._logs.count(actor)

    def lines_before(self, actor: str) -> int:
        """How many lines there were before the newest process of an actor."""
        return self._lines_before.get(actor, 0)

    def ended(self, actor: str) -> None:
        """A process has ended: keep its last words."""
        self._last_words[actor] = self._logs.last_words(actor, self.lines_before(actor))

    def overview(self) -> SupervisorStatusEvent:
        """The state of the whole runtime."""
        not_ready = [child.name for child in self._policy if not child.satisfies_dependents]
        return SupervisorStatusEvent(
            version=VERSION,
            profile=self._options.profile.name,
            home=self._options.home,
            pid=os.getpid(),
            started_at=self._started_at,
            settled=self._policy.is_settled,
            ready=not not_ready,
            not_ready=not_ready,
            actors=[self.status_of(child) for child in self._policy],
        )

    def status_of(self, child: ChildState) -> ActorStatus:
        """The state of one child."""
        retry_seconds = None
        if child.state in ("backoff", "failed") and child.due_at is not None:
            retry_seconds = max(0.0, child.due_at - time.monotonic())
        crashes, last_end = self._crashes.ends_of(child.name)
        return ActorStatus(
            actor=child.name,
            state=child.state,
            pid=child.pid,
            restarts=child.restarts,
            crashes=crashes,
            last_end=last_end,
            since=child.since + self._clock_offset,
            reason=child.reason,
            last_words=self._last_words.get(child.name, ""),
            retry_seconds=retry_seconds,
        )
