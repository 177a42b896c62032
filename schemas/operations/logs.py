"""Logs: what actors noted, in fields rather than in lines, without what is private."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

from schemas.event import Event, Request

LogLevel = Literal["debug", "info", "warning", "error", "critical"]

ALL_ACTORS = "*"


class LogRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was noted; redacted before it left its process.

    Attributes:
        at: seconds since the Unix epoch.
        logger: dotted name of the module that noted it; `stderr` for a line that a process wrote there.
        fields: what belongs to it, by name.
        correlation: id of the matter that it belongs to, across all actors; empty for none.
        traceback: of an exception, without values of variables; empty for none.
    """

    actor: str
    at: float
    level: LogLevel
    logger: str
    message: str
    fields: dict[str, str] = {}
    correlation: str = ""
    traceback: str = ""


class LogRecordedEvent(Event, frozen=True, kw_only=True, tag="logs.recorded"):
    """An actor noted something.

    Attributes:
        dropped: records that did not go out since the last event, since there were too many at once.
    """

    records: list[LogRecord]
    dropped: int = 0


class LogLevelChangedEvent(Event, frozen=True, kw_only=True, tag="logs.level_changed"):
    """From now on an actor notes what is at least of this level. The level of one actor wins over that of all (`*`)."""

    retained_by: ClassVar[str | None] = "actor"

    actor: str
    level: LogLevel | None
    """None: that of all actors applies again."""


class LogLevelRequestEvent(Request[LogLevelChangedEvent], frozen=True, kw_only=True, tag="logs.set_level"):
    """Ask for another level, of one actor or of all (`*`)."""

    actor: str = ALL_ACTORS
    level: LogLevel | None = None


class LogRingReadEvent(Event, frozen=True, kw_only=True, tag="logs.ring_read"):
    """The newest records, oldest first.

    Attributes:
        dropped: records that the ring no longer holds, or that never reached it.
    """

    records: list[LogRecord]
    dropped: int


class LogRingRequestEvent(Request[LogRingReadEvent], frozen=True, kw_only=True, tag="logs.read_ring"):
    """Ask for the newest records.

    Attributes:
        actor: of this one only; None for all.
        level: at least of this level.
        correlation: of this matter only; empty for any.
    """

    actor: str | None = None
    level: LogLevel = "debug"
    correlation: str = ""
    limit: int = 200
