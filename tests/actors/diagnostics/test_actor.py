"""Diagnostics over a bus: records are kept and found, levels are set, files are written if asked for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from actors.diagnostics.actor import Diagnostics
from actors.diagnostics.report.report_builder import AppPaths
from actors.shared.locations.locations import locate
from bus.actor_loop import ActorLoop
from bus.broker.memory_bus import memory_bus
from bus.client import Peer
from schemas.config import SettingsChangedEvent
from schemas.operations.alerts import AlertChangedEvent
from schemas.operations.diagnostics import DiagnosticsGenerateRequestEvent
from schemas.operations.logs import (
    LogLevelChangedEvent,
    LogLevelRequestEvent,
    LogRecord,
    LogRecordedEvent,
    LogRingReadEvent,
    LogRingRequestEvent,
)
from schemas.operations.supervision import LogLine, LogLinesWrittenEvent

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def living(logs: Path, now: Callable[[], float] = lambda: 0.0) -> AsyncIterator[Peer]:
    """A peer that talks to running diagnostics."""
    async with memory_bus() as bus, bus.connect("diagnostics") as own, bus.connect("app") as app:
        loop = ActorLoop(lambda context: Diagnostics(context, paths_in(logs.parent, logs), now), own)
        running = asyncio.create_task(loop.run())
        while not any("logs.read_ring" in peer.serves for peer in bus.core.statistics(0.0).peers):
            await asyncio.sleep(0)
        yield app
        loop.stop()
        await running


def paths_in(home: Path, logs: Path) -> AppPaths:
    """Where the files of an app lie that has a home of its own."""
    return AppPaths(replace(locate("app", home), logs=logs), home / "state" / "runtime.json")


def record(message: str, **values: Any) -> LogRecord:
    return LogRecord(
        **{"actor": "store", "at": 1.0, "level": "info", "logger": "l", "message": message, **values}
    )


def settings(**values: Any) -> SettingsChangedEvent:
    return SettingsChangedEvent(changed={}, settings={"diagnostics": values}, revision=1, reason="update")


async def ring(app: Peer, count: int) -> LogRingReadEvent:
    """The ring, once it holds so many."""
    while True:
        found = await app.request(LogRingRequestEvent())
        if len(found.records) >= count:
            return found


@pytest.mark.requirement("S0-14")
async def test_what_was_noted_is_found_and_touches_no_disk(tmp_path: Path) -> None:
    async with living(tmp_path / "logs") as app:
        await app.publish(
            LogRecordedEvent(
                records=[record("one"), record("two", actor="other", correlation="m")], dropped=3
            )
        )
        found = await ring(app, 2)
        assert {kept.actor for kept in found.records} == {app.name}, "whatever name the records bear"
        assert ([kept.message for kept in found.records], found.dropped) == (["one", "two"], 3)
        assert [
            kept.message for kept in (await app.request(LogRingRequestEvent(correlation="m"))).records
        ] == ["two"]
    assert not (tmp_path / "logs").exists()


async def test_lines_of_stderr_are_kept_unless_they_repeat_a_record(tmp_path: Path) -> None:
    async with living(tmp_path) as app:
        lines = [
            LogLine(actor="store", at=1.0, text="Traceback"),
            LogLine(actor="store", at=2.0, text="info l: one", recorded=True),
        ]
        await app.publish(LogLinesWrittenEvent(lines=lines))
        await app.publish(LogRecordedEvent(records=[record("one")]))
        found = await ring(app, 2)
        assert sorted((kept.logger, kept.message) for kept in found.records) == [
            ("l", "one"),
            ("stderr", "Traceback"),
        ]


async def test_a_level_is_set_for_one_actor_or_by_the_settings_for_all(tmp_path: Path) -> None:
    async with living(tmp_path) as app, app.subscribe(LogLevelChangedEvent) as levels:
        await app.request(LogLevelRequestEvent(actor="store", level="debug"))
        assert await anext(levels) == LogLevelChangedEvent(actor="store", level="debug")
        await app.publish(settings(log_level="error"))
        assert await anext(levels) == LogLevelChangedEvent(actor="*", level="error")


@pytest.mark.requirement("S0-15", "S0-20")
async def test_files_are_written_once_a_person_asks_for_them(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "undercroft.jsonl"
    async with living(tmp_path / "logs") as app:
        await app.publish(LogRecordedEvent(records=[record("before")]))
        await app.publish(settings(file_logs=True))
        await app.publish(LogRecordedEvent(records=[record("after")]))
        await ring(app, 2)
    text = path.read_text()
    assert "after" in text
    assert "before" not in text


async def test_a_disk_that_takes_no_log_files_is_told_and_costs_no_records(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    async with living(tmp_path / "file" / "logs") as app, app.subscribe(AlertChangedEvent) as alerts:
        await app.publish(settings(file_logs=True))
        await app.publish(LogRecordedEvent(records=[record("one")]))
        changed = await anext(alerts)
        assert isinstance(changed, AlertChangedEvent)
        assert (changed.alert.name, changed.alert.is_active) == ("diagnostics.file_logs_failed", True)
        assert len((await ring(app, 1)).records) == 1


async def test_the_ring_shrinks_live(tmp_path: Path) -> None:
    async with living(tmp_path) as app:
        await app.publish(LogRecordedEvent(records=[record(str(number)) for number in range(100)]))
        await ring(app, 100)
        await app.publish(settings(log_entries=60))
        while len((found := await app.request(LogRingRequestEvent())).records) > 60:
            pass
        assert (found.records[-1].message, found.dropped) == ("99", 40)


@pytest.mark.requirement("S0-15")
async def test_log_files_that_end_by_themselves_are_told_of_until_somebody_asks_anew(tmp_path: Path) -> None:
    day = [0.0]
    async with living(tmp_path / "logs", lambda: day[0]) as app, app.subscribe(AlertChangedEvent) as alerts:
        await app.publish(settings(file_logs=True, file_logs_until="1970-01-02"))
        await app.publish(LogRecordedEvent(records=[record("first")]))
        await ring(app, 1)
        day[0] = 3 * 24 * 3600.0
        await app.publish(LogRecordedEvent(records=[record("late")]))
        changed = await anext(alerts)
        assert isinstance(changed, AlertChangedEvent)
        assert (changed.alert.name, changed.alert.severity, changed.alert.is_active) == (
            "diagnostics.file_logs_ended",
            "info",
            True,
        )
        await app.publish(settings(file_logs=True, file_logs_until="1970-02-01"))
        changed = await anext(alerts)
        assert isinstance(changed, AlertChangedEvent)
        assert not changed.alert.is_active
    assert "late" not in (tmp_path / "logs" / "undercroft.jsonl").read_text()


@pytest.mark.requirement("S0-16")
async def test_a_report_comes_although_nobody_else_is_there_and_the_ring_goes_on_meanwhile(
    tmp_path: Path,
) -> None:
    async with living(tmp_path / "logs") as app:
        await app.publish(LogRecordedEvent(records=[record("the last words")]))
        await ring(app, 1)
        report = await app.request(DiagnosticsGenerateRequestEvent())
        files = {file.name: file.content for file in report.files}
        assert report.files[0].name == "SUMMARY.md"
        assert "the last words" in files["logs.jsonl"]
        reasons = {part.part: part.reason for part in report.missing}
        assert reasons["readiness"].startswith("no_responder")
