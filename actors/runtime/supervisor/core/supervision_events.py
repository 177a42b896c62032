"""What the supervisor's policy is told, and what it orders."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Literal

from actors.runtime.supervisor.core.child_spec import ChildSpec
from schemas.operations.supervision import ActorState

Blame = Literal["", "hang", "start_timeout", "memory_limit", "lifeline"]
"""Why the supervisor itself ends a process; empty if it does not."""


@dataclass(frozen=True)
class ExitStatus:
    """How a process ended; the other one of the two is None."""

    code: int | None = None
    signal: int | None = None

    @classmethod
    def from_returncode(cls, returncode: int) -> ExitStatus:
        """From a number as `subprocess` gives it: negative for a signal."""
        return cls(code=returncode) if returncode >= 0 else cls(signal=-returncode)

    @property
    def is_clean(self) -> bool:
        """Whether the process ended of its own will and found nothing wrong."""
        return self.code == 0

    def __str__(self) -> str:
        if self.signal is None:
            return f"exit code {self.code}"
        try:
            return f"killed by {signal.Signals(self.signal).name}"
        except ValueError:
            return f"killed by signal {self.signal}"


@dataclass(frozen=True)
class Ticked:
    """Time went by."""


@dataclass(frozen=True)
class Started:
    """The process that a `Start` asked for exists."""

    actor: str
    pid: int


@dataclass(frozen=True)
class StartFailed:
    """The process that a `Start` asked for could not be made."""

    actor: str
    reason: str


@dataclass(frozen=True)
class BecameReady:
    """The child serves."""

    actor: str


@dataclass(frozen=True)
class Ponged:
    """The loop of the child answered a ping."""

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
    """The child said on its lifeline what cannot be understood, and is being killed for it."""

    actor: str
    problem: str


@dataclass(frozen=True)
class MemoryMeasured:
    """How much memory is the child's alone."""

    actor: str
    private_mib: float


@dataclass(frozen=True)
class RestartAsked:
    """Somebody wants the child stopped and started again."""

    actor: str


@dataclass(frozen=True)
class SpecsChanged:
    """The profile was read again."""

    specs: tuple[ChildSpec, ...]


@dataclass(frozen=True)
class StopAsked:
    """Everything is to end in good order."""


Happening = (
    Ticked
    | Started
    | StartFailed
    | BecameReady
    | Ponged
    | Exited
    | LifelineBroke
    | MemoryMeasured
    | RestartAsked
    | SpecsChanged
    | StopAsked
)


@dataclass(frozen=True)
class Start:
    """Make a process of this spec; answered by `Started` or `StartFailed`."""

    spec: ChildSpec


@dataclass(frozen=True)
class Tell:
    """Send the stop message."""

    actor: str
    returning: bool


@dataclass(frozen=True)
class Ping:
    """Send a ping."""

    actor: str
    number: int


@dataclass(frozen=True)
class Send:
    """Send a signal to the child (`terminate`) or to its whole process group (`kill`).

    A `kill` before `Started` means that whoever makes the process takes too long: give up on it and say
    `StartFailed`.
    """

    actor: str
    what: Literal["terminate", "kill"]


@dataclass(frozen=True)
class Dump:
    """Have the child write the stacks of its threads to its log."""

    actor: str


@dataclass(frozen=True)
class Announce:
    """Tell the world how the child fares."""

    actor: str


@dataclass(frozen=True)
class Record:
    """Keep what is known of an end that was not meant to be.

    Attributes:
        reason: why, in words.
        status: how the process ended; None if none came to be.
        blame: why the supervisor ended it.
        was: the state that it ended in.
        is_actor: False for a command in any language.
        uptime_seconds: from the order to make the process until its end.
        restarts: how often it had been started again before.
    """

    actor: str
    pid: int | None
    reason: str
    status: ExitStatus | None
    blame: Blame
    was: ActorState
    is_actor: bool
    uptime_seconds: float
    restarts: int


@dataclass(frozen=True)
class Forget:
    """The child is no longer of the profile, and its process is gone."""

    actor: str


@dataclass(frozen=True)
class Leave:
    """Every process is gone: the supervisor may end."""


Action = Start | Tell | Ping | Send | Dump | Announce | Record | Forget | Leave
