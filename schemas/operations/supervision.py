"""Supervision: the state of the actors, and the requests that the supervisor serves."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

from schemas.bounds import Count, Identifier, Many, PlaceText, ProcessId, Seconds, Sentence, UnixSeconds, Word
from schemas.event import Event, Request

ActorState = Literal["waiting", "starting", "ready", "backoff", "failed", "stopping", "stopped"]
"""`waiting`: for the actors that it depends on. `backoff`: until its restart delay is over. `failed`: its
circuit is open."""


class ActorEnd(msgspec.Struct, frozen=True, kw_only=True):
    """How an actor last ended unexpectedly.

    Attributes:
        at: seconds since the Unix epoch.
        kind: as in its crash record (`CrashKind`).
        reason: exit code, signal, or what the supervisor ended it for.
        words: the sentence with which it explained itself: a refusal, the last line of a traceback; empty if
            it said nothing.
    """

    at: UnixSeconds
    kind: Word
    reason: Sentence
    words: Sentence = ""


class ActorStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The state of one actor.

    Attributes:
        pid: None: it has no process.
        restarts: how often it was started again since the supervisor began, for whatever reason.
        crashes: how often it ended unexpectedly since then.
        last_end: how it last did; it stays when the actor is ready again. None: it never did.
        since: when it entered this state, seconds since the Unix epoch.
        reason: why it is in this state: exit code, signal, missed heartbeats, a dependency.
        last_words: the end of its stderr before it last ended.
        retry_seconds: delay before the next start or probe; None: none is due.
    """

    actor: Word
    state: ActorState
    pid: ProcessId | None = None
    restarts: Count = 0
    crashes: Count = 0
    last_end: ActorEnd | None = None
    since: UnixSeconds = 0.0
    reason: Sentence = ""
    last_words: Sentence = ""
    retry_seconds: Seconds | None = None


class ActorStateChangedEvent(Event, frozen=True, kw_only=True, tag="supervision.actor_state_changed"):
    """The state of an actor changed."""

    retained_by: ClassVar[str | None] = "actor"

    actor: Word
    status: ActorStatus


class SupervisorStatusEvent(Event, frozen=True, kw_only=True, tag="supervision.status_reported"):
    """The state of the whole runtime.

    Attributes:
        settled: every actor that should run is ready, or has failed for good.
        ready: every actor is ready, or has done its work and ended well.
        not_ready: names of the others.
    """

    version: Identifier
    profile: PlaceText
    home: PlaceText
    pid: ProcessId
    started_at: UnixSeconds
    settled: bool
    actors: Many[ActorStatus]
    ready: bool = False
    not_ready: Many[Word] = []


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

    actor: Word


class SupervisorStoppingEvent(Event, frozen=True, kw_only=True, tag="supervision.stopping"):
    """The runtime is stopping: actors stop in reverse order of their start."""

    reason: Sentence


class SupervisorStopRequestEvent(
    Request[SupervisorStoppingEvent], frozen=True, kw_only=True, tag="supervision.stop"
):
    """Stop the whole runtime cleanly."""

    reason: Sentence = "asked over the bus"


class LogLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line that a process wrote to stdout or stderr, or the supervisor about it, redacted.

    Attributes:
        at: seconds since the Unix epoch.
        recorded: it repeats a record that was also published (`logs.recorded`).
        verdict: the supervisor wrote it: why it ended the actor, or how the actor ended.
        correlation: id of the matter that a recorded line belongs to; empty: none.
    """

    actor: Word
    at: UnixSeconds
    text: Sentence
    recorded: bool = False
    verdict: bool = False
    correlation: Identifier = ""


class LogLinesWrittenEvent(Event, frozen=True, kw_only=True, tag="supervision.log_lines_written"):
    """Processes wrote to stdout or stderr."""

    lines: Many[LogLine]


class LogsReportedEvent(Event, frozen=True, kw_only=True, tag="supervision.logs_reported"):
    """The newest lines of the ring, the oldest first. `dropped`: older ones that it no longer holds."""

    lines: Many[LogLine]
    dropped: Count


class LogsRequestEvent(Request[LogsReportedEvent], frozen=True, kw_only=True, tag="supervision.logs"):
    """Ask for the newest log lines of one actor, or of all. `supervisor`: its own, and all its verdicts."""

    actor: Word | None = None
    limit: Count = 200
