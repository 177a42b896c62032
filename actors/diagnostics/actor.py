"""Diagnostics as a process: hears what the others note, keeps the newest of it, and answers for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, assert_never

import anyio.to_thread

from actors.diagnostics.files import FileLog, is_due
from actors.diagnostics.ring import LIMIT_BYTES, LIMIT_RECORDS, LogBook
from bus.actor import Actor
from schemas.config import SettingsChangedEvent
from schemas.logs import (
    ALL_ACTORS,
    LogLevel,
    LogLevelChangedEvent,
    LogLevelRequestEvent,
    LogRecord,
    LogRecordedEvent,
    LogRingReadEvent,
    LogRingRequestEvent,
)
from schemas.supervision import LogLinesWrittenEvent

if TYPE_CHECKING:
    from actors.launch import Surroundings

STDERR: Final = "stderr"

Inbox = SettingsChangedEvent | LogRecordedEvent | LogLinesWrittenEvent | LogLevelRequestEvent | LogRingRequestEvent
Reply = LogLevelChangedEvent | LogRingReadEvent


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
    """Keeps the log ring, sets levels, and writes log files if a person asked for them."""

    def __init__(self, logs: Path, now: Callable[[], float] = time.time) -> None:
        """Args: logs: directory of log files; now: seconds since the Unix epoch."""
        self._settings = LogSettings()
        self._book = LogBook()
        self._files = FileLog(logs)
        self._now = now

    @classmethod
    def of(cls, surroundings: Surroundings) -> Self:
        """The diagnostics of an app."""
        return cls(surroundings.locations.logs)

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
                await self._keep([record_of(line.actor, line.at, line.text) for line in event.lines if not line.recorded])
                return None
            case LogLevelRequestEvent():
                changed = LogLevelChangedEvent(actor=event.actor, level=event.level)
                await self.peer.publish(changed)
                return changed
            case LogRingRequestEvent():
                records = self._book.newest(actor=event.actor, level=event.level, correlation=event.correlation, limit=event.limit)
                return LogRingReadEvent(records=records, dropped=self._book.dropped)
            case _:
                assert_never(event)

    async def _apply(self, settings: LogSettings) -> None:
        if settings.level != self._settings.level:
            await self.peer.publish(LogLevelChangedEvent(actor=ALL_ACTORS, level=settings.level))
        self._book.resize(settings.entries, settings.size_bytes)
        self._settings = settings

    async def _keep(self, records: list[LogRecord]) -> None:
        for record in records:
            self._book.append(record)
        settings = self._settings
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
