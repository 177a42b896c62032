"""What the supervisor does is published: log lines in batches, crashes, and alerts until they are over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from actors.runtime.supervisor.reports.bus_reporter import BusReporter
from bus.broker.memory_bus import memory_bus
from bus.peer.feed.subscription import Subscription
from schemas.operations.alerts import Alert, AlertChangedEvent
from schemas.operations.crashes import ActorCrashedEvent
from schemas.operations.supervision import ActorState, ActorStatus, LogLine, LogLinesWrittenEvent
from tests.support.supervisor_on_bus import supervisor_on_bus

pytestmark = pytest.mark.anyio


async def test_log_lines_travel_in_batches(tmp_path: Path) -> None:
    async with supervisor_on_bus(tmp_path) as found, found.peer.subscribe(LogLinesWrittenEvent) as events:
        for n in range(3):
            found.reporter.wrote([LogLine(actor="tray", at=float(n), text=str(n))])
        written = await anext(events)
        assert isinstance(written, LogLinesWrittenEvent)
        assert [line.text for line in written.lines] == ["0", "1", "2"]


async def test_an_actor_that_does_not_stay_up_is_an_alert_until_it_is_ready(tmp_path: Path) -> None:
    def status(state: ActorState) -> ActorStatus:
        return ActorStatus(actor="tray", state=state, restarts=9, crashes=5, reason="exit code 1")

    async def next_alert(events: Subscription[Any]) -> Alert:
        event = await anext(events)
        assert isinstance(event, AlertChangedEvent)
        assert event.key == "supervisor/supervision.actor_failed/tray"
        return event.alert

    async with supervisor_on_bus(tmp_path) as found, found.peer.subscribe(AlertChangedEvent) as events:
        for state in ("failed", "starting", "failed", "ready", "ready"):
            found.reporter.changed(status(state))
        first, second, cleared = [await next_alert(events) for _ in range(3)]
        assert (first.is_active, first.severity, first.count) == (True, "error", 1)
        assert "exit code 1" in first.message
        assert "ended unexpectedly 5 times" in first.message
        assert "undercroft restart tray" in first.advice
        assert (second.is_active, second.count) == (True, 2)
        assert not cleared.is_active
        found.reporter.changed(status("failed"))
        assert (await next_alert(events)).count == 1  # nothing came in between


async def test_a_crash_is_announced(tmp_path: Path) -> None:
    event = ActorCrashedEvent(actor="tray", kind="fatal_signal", at=1.0, signal="SIGSEGV", record="r.json")
    async with supervisor_on_bus(tmp_path) as found, found.peer.subscribe(ActorCrashedEvent) as events:
        found.reporter.crashed(event)
        assert await anext(events) == event


async def test_a_profile_that_does_not_apply_is_an_alert_until_one_does(tmp_path: Path) -> None:
    async with supervisor_on_bus(tmp_path) as found, found.peer.subscribe(AlertChangedEvent) as events:
        found.reporter.profile_read("")
        found.reporter.profile_read("profile.toml: name: expected text")
        found.reporter.profile_read("")
        raised, cleared = await anext(events), await anext(events)
        assert isinstance(raised, AlertChangedEvent)
        assert isinstance(cleared, AlertChangedEvent)
        assert (raised.key, raised.alert.is_active) == ("supervisor/supervision.profile_refused/", True)
        assert "expected text" in raised.alert.message
        assert not cleared.alert.is_active


async def test_an_alert_from_before_the_connection_is_sent_when_it_begins() -> None:
    reporter = BusReporter()
    reporter.changed(ActorStatus(actor="tray", state="failed", reason="exit code 1"))
    async with (
        memory_bus() as bus,
        bus.connect("app") as app,
        app.subscribe(AlertChangedEvent) as events,
        bus.connect("supervisor") as peer,
    ):
        with reporter.reporting_over(peer, []):
            told = await anext(events)
    assert isinstance(told, AlertChangedEvent)
    assert (told.alert.subject, told.alert.is_active) == ("tray", True)
