"""The alerts of one actor: published when they are raised and cleared, and counted in between."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from bus.plain_text import plain_text
from schemas.event import Event
from schemas.operations.alerts import Alert, AlertChangedEvent, Severity

MESSAGE_LIMIT: Final = 2000


class AlertBook:
    """Decides which alert is to be published. Pure."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._alerts: dict[str, Alert] = {}

    def active(self) -> list[Alert]:
        """The active alerts, the oldest first."""
        return sorted(
            (alert for alert in self._alerts.values() if alert.is_active), key=lambda alert: alert.since
        )

    def key_of(self, name: str, subject: str) -> str:
        """The key under which an alert is retained."""
        return f"{self._source}/{name}/{subject}"

    def raise_alert(
        self, name: str, subject: str, severity: Severity, message: str, advice: str, now: float
    ) -> Alert:
        """The alert to publish. One that is active already keeps its beginning, and its count grows."""
        key = self.key_of(name, subject)
        before = self._alerts.get(key)
        goes_on = before is not None and before.is_active
        alert = Alert(
            name=name,
            subject=subject,
            source=self._source,
            severity=severity,
            is_active=True,
            since=before.since if before is not None and goes_on else now,
            last_at=now,
            count=before.count + 1 if before is not None and goes_on else 1,
            message=plain_text(message, MESSAGE_LIMIT),
            advice=plain_text(advice, MESSAGE_LIMIT),
        )
        self._alerts[key] = alert
        return alert

    def clear(self, name: str, subject: str) -> Alert | None:
        """The alert to publish now that it is over; None: it was not active."""
        key = self.key_of(name, subject)
        before = self._alerts.get(key)
        cleared = (
            msgspec.structs.replace(before, is_active=False)
            if before is not None and before.is_active
            else None
        )
        if cleared is not None:
            self._alerts[key] = cleared
        elif before is None:
            self._alerts[key] = _never(self._source, name, subject)
        return cleared

    def recall(self, alert: Alert) -> Alert | None:
        """Take up a retained alert of this source's former life.

        Returns the alert to publish, if this life has cleared it already.
        """
        if alert.source != self._source or not alert.is_active:
            return None
        key = self.key_of(alert.name, alert.subject)
        mine = self._alerts.get(key)
        if mine is None:
            self._alerts[key] = alert
        elif not mine.is_active and mine.count == 0:
            self._alerts[key] = over = msgspec.structs.replace(alert, is_active=False)
            return over
        return None


class Alerts:
    """Publishes the alerts of one actor. They are retained, so late joiners see what is wrong now."""

    def __init__(
        self, source: str, publish: Callable[[Event], Awaitable[None]], now: Callable[[], float] = time.time
    ) -> None:
        """Make the alerts of one actor.

        Args:
            source: name of the actor.
            publish: publishes an event.
            now: seconds since the Unix epoch.
        """
        self._book = AlertBook(source)
        self._publish = publish
        self._now = now

    def active(self) -> list[Alert]:
        """The active alerts, the oldest first."""
        return self._book.active()

    async def raise_alert(
        self, name: str, subject: str = "", *, severity: Severity, message: str, advice: str
    ) -> None:
        """Report that something is wrong. `message` and `advice` must hold no secrets."""
        await self._announce(self._book.raise_alert(name, subject, severity, message, advice, self._now()))

    async def clear(self, name: str, subject: str = "") -> None:
        """Report that it is over. Publishes nothing if the alert was not active."""
        cleared = self._book.clear(name, subject)
        if cleared is not None:
            await self._announce(cleared)

    async def recall(self, alert: Alert) -> None:
        """Take up a retained alert of this actor's former life, so that it can be cleared."""
        over = self._book.recall(alert)
        if over is not None:
            await self._announce(over)

    async def _announce(self, alert: Alert) -> None:
        await self._publish(AlertChangedEvent(key=self._book.key_of(alert.name, alert.subject), alert=alert))


def _never(source: str, name: str, subject: str) -> Alert:
    """Records that nothing was wrong before an alert was ever raised."""
    return Alert(
        name=name,
        subject=subject,
        source=source,
        severity="info",
        is_active=False,
        since=0.0,
        last_at=0.0,
        count=0,
        message="",
        advice="",
    )
