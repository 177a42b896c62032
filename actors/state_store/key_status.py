"""Publishes that keys are locked, and why, until they are available again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

import anyio

from schemas.keys import KeysStateChangedEvent

if TYPE_CHECKING:
    from bus.telemetry.alert_book import Alerts
    from schemas.event import Event
    from schemas.keys import KeysReport

LOCKED: Final = "state_persistence.keys_locked"


class KeyStatus:
    """The state of the keys of one actor, as it was published last.

    Attributes:
        is_locked: whether the published state is `locked`.
    """

    def __init__(
        self,
        source: str,
        report: Callable[[], KeysReport],
        publish: Callable[[Event], Awaitable[None]],
        alerts: Alerts,
    ) -> None:
        """Nothing is published yet.

        Args:
            source: name of the actor.
            report: the present state of the keys; does not ask the keychain.
            publish: publishes an event.
            alerts: shows locked keys to people.
        """
        self.is_locked = False
        self._source = source
        self._report = report
        self._publish = publish
        self._alerts = alerts
        self._published: KeysReport | None = None
        self._lock = anyio.Lock()

    async def publish(self) -> bool:
        """Publish the state of the keys if it changed.

        Returns:
            Whether the keys are locked now and were not before.
        """
        async with self._lock:
            report, was_locked = self._report(), self.is_locked
            if report == self._published:
                return False
            self._published = report
            self.is_locked = report.state == "locked"
            await self._publish(KeysStateChangedEvent(source=self._source, report=report))
            if self.is_locked:
                message = f"encrypted values cannot be read or written: {report.reason}: {report.detail}"
                await self._alerts.raise_alert(
                    LOCKED, severity="error", message=message, advice=report.advice
                )
            else:
                await self._alerts.clear(LOCKED)
            return self.is_locked and not was_locked
