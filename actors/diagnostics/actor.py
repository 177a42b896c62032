"""Diagnostics as an actor: collects log records, sets log levels, writes log files, makes reports."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Final, assert_never

import anyio.to_thread
import msgspec

from actors.diagnostics.logs.log_book import LogBook
from actors.diagnostics.logs.log_files import LogFiles, are_due, are_over
from actors.diagnostics.logs.log_settings import LogSettings
from actors.diagnostics.report.report_builder import AppPaths, generate
from actors.shared.places.shared_root import SharedRoot
from bus.actor import Actor, BusContext, Later
from bus.client import publisher
from bus.error_words import in_words
from schemas.config import SettingsChangedEvent
from schemas.operations.diagnostics import DiagnosticsGeneratedEvent, DiagnosticsGenerateRequestEvent
from schemas.operations.logs import (
    ALL_ACTORS,
    LogLevelChangedEvent,
    LogLevelRequestEvent,
    LogRecord,
    LogRecordedEvent,
    LogRingReadEvent,
    LogRingRequestEvent,
)
from schemas.operations.supervision import LogLine, LogLinesWrittenEvent

FILES_ENDED: Final = "diagnostics.file_logs_ended"
FILES_FAILED: Final = "diagnostics.file_logs_failed"
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


class Diagnostics(Actor[Inbox]):
    """Keeps the log ring, sets levels, writes log files if the user asked for them, and makes reports."""

    def __init__(self, context: BusContext, paths: AppPaths, now: Callable[[], float] = time.time) -> None:
        """Build it with an empty log ring.

        Args:
            context: connection to the bus.
            paths: where the files of the app lie.
            now: seconds since the Unix epoch.
        """
        super().__init__(context)
        self._paths = paths
        self._now = now
        self._settings = LogSettings()
        self._book = LogBook()
        self._files = LogFiles(paths.locations.logs)
        self._files_ended = False

    async def handle(self, event: Inbox) -> Reply | None:
        """Take in what was logged, or answer one request."""
        match event:
            case SettingsChangedEvent():
                await self._apply(LogSettings.of(event.settings))
                return None
            case LogRecordedEvent():
                self._book.dropped += event.dropped
                await self._keep(in_the_name_of(publisher.get(), event.records))
                return None
            case LogLinesWrittenEvent():
                await self._keep([record_of(line) for line in event.lines if not line.recorded])
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
        return await generate(self._paths, self.peer, log_records=log_records)

    async def _apply(self, settings: LogSettings) -> None:
        if settings.level != self._settings.level:
            await self.peer.publish(LogLevelChangedEvent(actor=ALL_ACTORS, level=settings.level))
        self._book.resize(settings.entries, settings.size_bytes)
        self._settings = settings
        await self._check_end()

    async def _check_end(self) -> None:
        """Raise an alert once log files have ended by themselves, so that nobody misses them unexpectedly."""
        settings = self._settings
        self._files_ended = are_over(settings.to_files, settings.file_until, self._now())
        if not self._files_ended:
            await self.alerts.clear(FILES_ENDED)
            return
        await self.alerts.raise_alert(
            FILES_ENDED,
            severity="info",
            message=f"log files were requested until {settings.file_until}; they are no longer written",
            advice="switch diagnostics.file_logs off, or set diagnostics.file_logs_until to a later day",
        )

    async def _keep(self, records: list[LogRecord]) -> None:
        for record in records:
            self._book.append(record)
        settings = self._settings
        if not self._files_ended and are_over(settings.to_files, settings.file_until, self._now()):
            await self._check_end()
        if not records or not are_due(settings.to_files, settings.file_until, self._now()):
            return
        try:
            await anyio.to_thread.run_sync(self._files.write, records)
        except (OSError, SharedRoot) as error:
            await self.alerts.raise_alert(
                FILES_FAILED,
                severity="warning",
                message=f"log files cannot be written: {in_words(error)}",
                advice="free some space, or switch diagnostics.file_logs off; memory has the newest records",
            )
        else:
            await self.alerts.clear(FILES_FAILED)


def in_the_name_of(publisher: str, records: list[LogRecord]) -> list[LogRecord]:
    """Records as what they are: those of their publisher, whatever name they bear."""
    return [
        record if record.actor == publisher else msgspec.structs.replace(record, actor=publisher)
        for record in records
    ]


def record_of(line: LogLine) -> LogRecord:
    """Return a line that a process wrote to stderr as a record."""
    return LogRecord(actor=line.actor, at=line.at, level="warning", logger=STDERR, message=line.text)
