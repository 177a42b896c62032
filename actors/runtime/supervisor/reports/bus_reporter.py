"""Publishes what the supervisor does: states, log lines, crashes and alerts."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final

from actors.runtime.supervisor.core.child_spec import BROKER, SUPERVISOR
from actors.runtime.supervisor.interfaces import SupervisorObserver
from bus.client import Peer
from bus.telemetry.alert_book import AlertBook
from schemas.event import Event
from schemas.operations.alerts import Alert, AlertChangedEvent
from schemas.operations.crashes import ActorCrashedEvent
from schemas.operations.supervision import (
    ActorStateChangedEvent,
    ActorStatus,
    LogLine,
    LogLinesWrittenEvent,
    SupervisorStoppingEvent,
)

LINES_INTERVAL_SECONDS: Final = 0.1
LINES_LIMIT: Final = 1_000
"""Of one batch. Lines of a process that writes faster are left out; the ring keeps them."""

FAILED_ALERT: Final = "supervision.actor_failed"
PROFILE_ALERT: Final = "supervision.profile_refused"


class BusReporter(SupervisorObserver):
    """Posts events while there is a connection. Alerts and log lines from before are sent when one begins."""

    def __init__(self) -> None:
        self._peer: Peer | None = None
        self._alerts = AlertBook(SUPERVISOR)
        self._lines: deque[LogLine] = deque(maxlen=LINES_LIMIT)
        self._flush_timer: asyncio.TimerHandle | None = None
        self._is_stopping = False
        self._broker_stops = asyncio.Event()

    @contextlib.contextmanager
    def reporting_over(self, peer: Peer, statuses: Iterable[ActorStatus]) -> Iterator[None]:
        """Report over this connection within the block, beginning with the state of all actors."""
        self._peer = peer
        try:
            for status in statuses:
                self._post(ActorStateChangedEvent(actor=status.actor, status=status))
            for alert in self._alerts.active():
                self._post_alert(alert)
            self.wrote([])
            yield
        finally:
            self._peer = None

    async def until_broker_stops(self) -> None:
        """Wait until the whole runtime stops and the broker is about to: the last moment to say goodbye."""
        await self._broker_stops.wait()

    def changed(self, status: ActorStatus) -> None:
        """Publish the state, and raise or clear the alert about an actor that does not stay up."""
        self._post(ActorStateChangedEvent(actor=status.actor, status=status))
        if status.state == "failed":
            often = f", it ended unexpectedly {status.crashes} times" if status.crashes > 1 else ""
            why = status.last_end.words if status.last_end and status.last_end.words else status.reason
            message = f"{status.actor} does not stay up{often}: {why}; the other actors run on"
            advice = (
                f"see 'undercroft logs {status.actor}' and 'undercroft doctor'; "
                f"'undercroft restart {status.actor}' tries again at once"
            )
            self._post_alert(
                self._alerts.raise_alert(FAILED_ALERT, status.actor, "error", message, advice, time.time())
            )
        elif status.state in ("ready", "stopped"):
            self._post_alert(self._alerts.clear(FAILED_ALERT, status.actor))
        if status.actor == BROKER and self._is_stopping:
            self._broker_stops.set()

    def profile_read(self, fault: str) -> None:
        """Raise or clear the alert about a profile that does not apply."""
        if not fault:
            self._post_alert(self._alerts.clear(PROFILE_ALERT, ""))
            return
        message = f"the changed profile does not apply, the former one stays in force: {fault}"
        advice = "correct it, then send SIGHUP again"
        self._post_alert(self._alerts.raise_alert(PROFILE_ALERT, "", "warning", message, advice, time.time()))

    def crashed(self, event: ActorCrashedEvent) -> None:
        """Publish the crash."""
        self._post(event)

    def stopping(self, reason: str) -> None:
        """Publish that the whole runtime begins to stop."""
        self._is_stopping = True
        self._post(SupervisorStoppingEvent(reason=reason))

    def wrote(self, lines: list[LogLine]) -> None:
        """Publish log lines, several at a time."""
        self._lines.extend(lines)
        if self._flush_timer is None and self._peer is not None:
            loop = asyncio.get_running_loop()
            self._flush_timer = loop.call_later(LINES_INTERVAL_SECONDS, self._flush_lines)

    def _flush_lines(self) -> None:
        self._flush_timer = None
        lines = list(self._lines)
        self._lines.clear()
        # While the broker is away lines would pile up in the peer; the ring keeps them.
        if lines and self._peer is not None and self._peer.is_connected:
            self._post(LogLinesWrittenEvent(lines=lines))

    def _post_alert(self, alert: Alert | None) -> None:
        if alert is not None:
            self._post(AlertChangedEvent(key=self._alerts.key_of(alert.name, alert.subject), alert=alert))

    def _post(self, event: Event) -> None:
        if self._peer is not None:
            self._peer.post(event)
