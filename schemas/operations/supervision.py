"""Supervision: the state of the actors, and the requests that the supervisor serves."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

from schemas.event import Event, Request

ActorState = Literal["waiting", "starting", "ready", "backoff", "failed", "stopping", "stopped"]
"""`waiting`: for the actors that it depends on. `backoff`: until its restart delay is over. `failed`: its
circuit is open."""


class ActorStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The state of one actor.

    Attributes:
        pid: None: it has no process.
        restarts: how often it was started again since the supervisor began.
        since: when it entered this state, seconds since the Unix epoch.
        reason: why it is in this state: exit code, signal, missed heartbeats, a dependency.
        last_words: the end of its stderr before it last ended.
        retry_seconds: delay before the next start or probe; None: none is due.
    """

    actor: str
    state: ActorState
    pid: int | None = None
    restarts: int = 0
    since: float = 0.0
    reason: str = ""
    last_words: str = ""
    retry_seconds: float | None = None


class ActorStateChangedEvent(Event, frozen=True, kw_only=True, tag="supervision.actor_state_changed"):
    """The state of an actor changed."""

    retained_by: ClassVar[str | None] = "actor"

    actor: str
    status: ActorStatus


class SupervisorStatusEvent(Event, frozen=True, kw_only=True, tag="supervision.status_reported"):
    """The state of the whole runtime.

    Attributes:
        settled: every actor that should run is ready, or has failed for good.
    """

    version: str
    profile: str
    home: str
    pid: int
    started_at: float
    settled: bool
    actors: list[ActorStatus]


class SupervisorStatusRequestEvent(
    Request[SupervisorStatusEvent], frozen=True, kw_only=True, tag="supervision.status"
):
    """Ask for the state of the runtime."""


class ActorRestartAcceptedEvent(Event, frozen=True, kw_only=True, tag="supervision.restart_accepted"):
    """The actor is being stopped and will be started again."""

    status: ActorStatus


class ActorRestartRequestEvent(
    Request[ActorRestartAcceptedEvent], frozen=True, kw_only=True, tag="supervision.restart"
):
    """Stop one actor cleanly and start it again. Also closes an open circuit."""

    actor: str


class SupervisorStoppingEvent(Event, frozen=True, kw_only=True, tag="supervision.stopping"):
    """The runtime is stopping: actors stop in reverse order of their start."""

    reason: str


class SupervisorStopRequestEvent(
    Request[SupervisorStoppingEvent], frozen=True, kw_only=True, tag="supervision.stop"
):
    """Stop the whole runtime cleanly."""

    reason: str = "asked over the bus"


class LogLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line that a process wrote to stdout or stderr, redacted.

    Attributes:
        at: seconds since the Unix epoch.
        recorded: it repeats a record that was also published (`logs.recorded`).
    """

    actor: str
    at: float
    text: str
    recorded: bool = False


class LogLinesWrittenEvent(Event, frozen=True, kw_only=True, tag="supervision.log_lines_written"):
    """Processes wrote to stdout or stderr."""

    lines: list[LogLine]


class LogsReportedEvent(Event, frozen=True, kw_only=True, tag="supervision.logs_reported"):
    """The newest lines of the ring, the oldest first. `dropped`: older ones that it no longer holds."""

    lines: list[LogLine]
    dropped: int


class LogsRequestEvent(Request[LogsReportedEvent], frozen=True, kw_only=True, tag="supervision.logs"):
    """Ask for the newest log lines of one actor, or of all."""

    actor: str | None = None
    limit: int = 200
