"""Diagnostics as a process: hears what the others note, keeps the newest of it, and answers for it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, assert_never

import anyio.to_thread

from actors.diagnostics.log_book import LIMIT_BYTES, LIMIT_RECORDS, LogBook
from actors.diagnostics.log_files import FileLog, is_due, is_over
from actors.diagnostics.report_builder import Place, generate
from bus.actor import Actor, Later
from schemas.config import SettingsChangedEvent
from schemas.operations.diagnostics import DiagnosticsGeneratedEvent, DiagnosticsGenerateRequestEvent
from schemas.operations.logs import (
    ALL_ACTORS,
    LogLevel,
    LogLevelChangedEvent,
    LogLevelRequestEvent,
    LogRecord,
    LogRecordedEvent,
    LogRingReadEvent,
    LogRingRequestEvent,
)
from schemas.operations.supervision import LogLinesWrittenEvent

if TYPE_CHECKING:
    from actors.shared.context import ActorContext

STDERR: Final = "stderr"

Inbox = (
    SettingsChangedEvent
    | LogRecordedEvent
    | LogLinesWrittenEvent
    | LogLevelRequestEvent
    | LogRingRequestEvent
    | DiagnosticsGenerateRequestEvent
)
Reply = LogLevelChangedEvent | LogRingReadEvent | Later


@dataclass(frozen=True, kw_only=True)
class LogSettings:
    """What the settings say of logs.

    Attributes:
        level: of all actors that have none of their own.
        file_until: last day of log files; empty for no end.
    """

    level: LogLevel = "info"
    entries: int = LIMIT_RECORDS
    size_bytes: int = LIMIT_BYTES
    to_files: bool = False
    file_until: str = ""

    @classmethod
    def of(cls, settings: dict[str, Any]) -> Self:
        """Read section `diagnostics`; what is missing keeps its default."""
        found = settings.get("diagnostics", {})
        return cls(
            level=found.get("log_level", "info"),
            entries=found.get("log_entries", LIMIT_RECORDS),
            size_bytes=found.get("log_kib", LIMIT_BYTES // 1024) * 1024,
            to_files=found.get("file_logs", False),
            file_until=found.get("file_logs_until", ""),
        )


class Diagnostics(Actor[Inbox]):
    """Keeps the log ring, sets levels, writes log files if a person asked for them, and makes the report."""

    def __init__(self, place: Place, now: Callable[[], float] = time.time) -> None:
        """Args: place: where the files of the app lie; now: seconds since the Unix epoch."""
        self._settings = LogSettings()
        self._book = LogBook()
        self._place = place
        self._files = FileLog(place.locations.logs)
        self._now = now
        self._has_ended = False

    @classmethod
    def of(cls, surroundings: ActorContext) -> Self:
        """The diagnostics of an app."""
        own, named = surroundings.locations.state / "runtime.json", os.environ.get("UNDERCROFT_RUNTIME")
        return cls(Place(surroundings.locations, Path(named) if named and not own.exists() else own))

    async def handle(self, event: Inbox) -> Reply | None:
        """Take in what was noted, or answer one question."""
        match event:
            case SettingsChangedEvent():
                await self._apply(LogSettings.of(event.settings))
                return None
            case LogRecordedEvent():
                self._book.dropped += event.dropped
                await self._keep(event.records)
                return None
            case LogLinesWrittenEvent():
                await self._keep(
                    [record_of(line.actor, line.at, line.text) for line in event.lines if not line.recorded]
                )
                return None
            case LogLevelRequestEvent():
                changed = LogLevelChangedEvent(actor=event.actor, level=event.level)
                await self.peer.publish(changed)
                return changed
            case LogRingRequestEvent():
                records = self._book.newest(
                    actor=event.actor, level=event.level, correlation=event.correlation, limit=event.limit
                )
                return LogRingReadEvent(records=records, dropped=self._book.dropped)
            case DiagnosticsGenerateRequestEvent():
                return Later(partial(self._report, event.log_records))
            case _:
                assert_never(event)

    async def _report(self, log_records: int) -> DiagnosticsGeneratedEvent:
        return await generate(self._place, self.peer, log_records=log_records)

    async def _apply(self, settings: LogSettings) -> None:
        if settings.level != self._settings.level:
            await self.peer.publish(LogLevelChangedEvent(actor=ALL_ACTORS, level=settings.level))
        self._book.resize(settings.entries, settings.size_bytes)
        self._settings = settings
        await self._tell_end()

    async def _tell_end(self) -> None:
        """Log files that a person asked for end by themselves; that is told, or they would be missed when they are needed."""
        settings = self._settings
        self._has_ended = is_over(settings.to_files, settings.file_until, self._now())
        if self._has_ended:
            await self.alerts.raise_alert(
                "diagnostics.file_logs_ended",
                severity="info",
                message=f"log files were asked for until {settings.file_until}; none are written any more",
                advice="switch diagnostics.file_logs off, or give diagnostics.file_logs_until a later day",
            )
        else:
            await self.alerts.clear("diagnostics.file_logs_ended")

    async def _keep(self, records: list[LogRecord]) -> None:
        for record in records:
            self._book.append(record)
        settings = self._settings
        if not self._has_ended and is_over(settings.to_files, settings.file_until, self._now()):
            await self._tell_end()
        if not records or not is_due(settings.to_files, settings.file_until, self._now()):
            return
        try:
            await anyio.to_thread.run_sync(self._files.write, records)
        except OSError as error:
            await self.alerts.raise_alert(
                "diagnostics.file_logs_failed",
                severity="warning",
                message=f"log files cannot be written: {error.strerror or error}",
                advice="free some space, or switch diagnostics.file_logs off; the newest records are in memory",
            )
        else:
            await self.alerts.clear("diagnostics.file_logs_failed")


def record_of(actor: str, at: float, text: str) -> LogRecord:
    """A line that a process wrote to stderr, as a record."""
    return LogRecord(actor=actor, at=at, level="warning", logger=STDERR, message=text)
