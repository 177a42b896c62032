"""Inputs and effects of the supervision policy: what happened, and what to do about it. Pure."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from actors.runtime.supervisor.core.child_spec import ChildSpec
from schemas.operations.supervision import ActorState

KillReason = Literal["", "hang", "start_timeout", "memory_limit", "lifeline"]
"""Why the supervisor itself ends a process; empty if it does not."""


@dataclass(frozen=True)
class ExitStatus:
    """How a process ended: by exit code or by signal. The other one is None."""

    code: int | None = None
    signal: int | None = None

    @classmethod
    def from_returncode(cls, returncode: int) -> ExitStatus:
        """Read a number as `subprocess` gives it: negative for a signal."""
        return cls(code=returncode) if returncode >= 0 else cls(signal=-returncode)

    @property
    def is_clean(self) -> bool:
        """Whether the process ended by itself with exit code 0."""
        return self.code == 0

    def __str__(self) -> str:
        if self.signal is None:
            return f"exit code {self.code}"
        try:
            return f"killed by {signal.Signals(self.signal).name}"
        except ValueError:
            return f"killed by signal {self.signal}"


# Inputs


@dataclass(frozen=True)
class Ticked:
    """Time has passed."""


@dataclass(frozen=True)
class Started:
    """The process that a `StartProcess` ordered exists, and runs its program."""

    actor: str
    pid: int


@dataclass(frozen=True)
class StartFailed:
    """The process that a `StartProcess` ordered could not be created.

    Attributes:
        cannot_run: the program is missing, or is none: another try at once would fail, too.
    """

    actor: str
    reason: str
    cannot_run: bool = False


@dataclass(frozen=True)
class BecameReady:
    """The child serves.

    Attributes:
        details: what it reports about itself; the broker reports its endpoints.
    """

    actor: str
    details: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Ponged:
    """The event loop of the child answered a ping."""

    actor: str
    number: int


@dataclass(frozen=True)
class Exited:
    """A process ended."""

    actor: str
    pid: int
    status: ExitStatus


@dataclass(frozen=True)
class LifelineBroke:
    """The child sent something unreadable on its lifeline."""

    actor: str
    problem: str


@dataclass(frozen=True)
class MemoryMeasured:
    """Private memory of the child."""

    actor: str
    private_mib: float


@dataclass(frozen=True)
class RestartRequested:
    """Somebody wants the child stopped and started again."""

    actor: str


@dataclass(frozen=True)
class SpecsChanged:
    """The profile was read again."""

    specs: tuple[ChildSpec, ...]


@dataclass(frozen=True)
class StopRequested:
    """The whole runtime is to stop."""


ChildInput = (
    Started | StartFailed | BecameReady | Ponged | Exited | LifelineBroke | MemoryMeasured | RestartRequested
)
Input = Ticked | ChildInput | SpecsChanged | StopRequested


# Effects


@dataclass(frozen=True)
class StartProcess:
    """Create a process of this spec; `Started` or `StartFailed` follows."""

    spec: ChildSpec


@dataclass(frozen=True)
class SendStop:
    """Send the stop message; `returning` says that the child will be started again."""

    actor: str
    returning: bool


@dataclass(frozen=True)
class SendPing:
    """Send a ping."""

    actor: str
    number: int


@dataclass(frozen=True)
class SendSignal:
    """Send a signal to the child (`terminate`) or to its whole process group (`kill`).

    A `kill` before `Started` means that creating the process takes too long: give up on it and report
    `StartFailed`. A `kill` that comes again means that the process is still there.
    """

    actor: str
    name: Literal["terminate", "kill"]


@dataclass(frozen=True)
class DumpStacks:
    """Have the child write the stacks of its threads to its log."""

    actor: str


@dataclass(frozen=True)
class PublishStatus:
    """Publish the state of the child."""

    actor: str


@dataclass(frozen=True)
class RecordCrash:
    """Keep what is known of an unexpected end.

    Attributes:
        reason: why, in words.
        status: how the process ended; None if it never existed.
        kill_reason: why the supervisor ended it.
        was: the state in which it ended.
        is_actor: False for a command in any language.
        uptime_seconds: from the order to create the process to its end.
        restarts: how often it had been restarted before.
    """

    actor: str
    pid: int | None
    reason: str
    status: ExitStatus | None
    kill_reason: KillReason
    was: ActorState
    is_actor: bool
    uptime_seconds: float
    restarts: int


@dataclass(frozen=True)
class PublishRemoval:
    """Publish that the child is no longer in the profile and its process is gone."""

    actor: str


@dataclass(frozen=True)
class Finish:
    """Every process is gone: the supervisor may end."""


Effect = (
    StartProcess
    | SendStop
    | SendPing
    | SendSignal
    | DumpStacks
    | PublishStatus
    | RecordCrash
    | PublishRemoval
    | Finish
)
