"""Logs: what actors logged, as fields, without private data."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

from schemas.bounds import Count, Identifier, Many, Named, Sentence, UnixSeconds, Word
from schemas.event import Event, Request

LogLevel = Literal["debug", "info", "warning", "error", "critical"]

ALL_ACTORS = "*"


class LogRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One log record, redacted before it left its process.

    Attributes:
        at: seconds since the Unix epoch.
        logger: dotted name of the module that logged it; `stderr` for a line that a process wrote there.
        fields: further values, by name.
        correlation: id of the matter that it belongs to, across all actors; empty: none.
        traceback: of an exception, without values of variables; empty: none.
    """

    actor: Word
    at: UnixSeconds
    level: LogLevel
    logger: Word
    message: Sentence
    fields: Named[Sentence] = {}
    correlation: Identifier = ""
    traceback: Sentence = ""


class LogRecordedEvent(Event, frozen=True, kw_only=True, tag="logs.recorded"):
    """An actor logged something.

    Attributes:
        dropped: records since the last event that were dropped, because there were too many at once.
    """

    records: Many[LogRecord]
    dropped: Count = 0


class LogLevelChangedEvent(Event, frozen=True, kw_only=True, tag="logs.level_changed"):
    """The log level of an actor changed. The level of one actor wins over that of all (`*`)."""

    retained_by: ClassVar[str | None] = "actor"

    actor: Word
    level: LogLevel | None
    """None: the level of all actors applies again."""


class LogLevelRequestEvent(Request[LogLevelChangedEvent], frozen=True, kw_only=True, tag="logs.set_level"):
    """Change the log level of one actor or of all (`*`)."""

    actor: Word = ALL_ACTORS
    level: LogLevel | None = None


class LogRingReadEvent(Event, frozen=True, kw_only=True, tag="logs.ring_read"):
    """The newest records, the oldest first.

    Attributes:
        dropped: records that the ring no longer holds, or never got.
    """

    records: Many[LogRecord]
    dropped: Count


class LogRingRequestEvent(Request[LogRingReadEvent], frozen=True, kw_only=True, tag="logs.read_ring"):
    """Ask for the newest records.

    Attributes:
        actor: only records of this actor; None: of all.
        level: only records of this level or a higher one.
        correlation: only records of this matter; empty: of any.
    """

    actor: Word | None = None
    level: LogLevel = "debug"
    correlation: Identifier = ""
    limit: Count = 200
