"""Tells everybody that keys are locked, and why, until they are to be had again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

import anyio

from schemas.keys import KeysStateChangedEvent

if TYPE_CHECKING:
    from bus.alert_book import Alerts
    from schemas.event import Event
    from schemas.keys import KeysReport

LOCKED: Final = "state_persistence.keys_locked"
ASK_AGAIN_SECONDS: Final = 30.0
"""So often a keychain that said no is asked again by itself; no window comes up for that."""


class KeyNews:
    """What was told last about the keys of one actor.

    Attributes:
        is_locked: what was told last.
    """

    def __init__(
        self,
        source: str,
        report: Callable[[], KeysReport],
        publish: Callable[[Event], Awaitable[None]],
        alerts: Alerts,
    ) -> None:
        """Args: source: name of the actor. report: how the keys fare now; asks nobody."""
        self.is_locked = False
        self._source = source
        self._report = report
        self._publish = publish
        self._alerts = alerts
        self._told: KeysReport | None = None
        self._lock = anyio.Lock()

    async def tell(self) -> bool:
        """Tell how the keys fare, if that is news; returns whether they were not locked before, and are now."""
        async with self._lock:
            report, was_locked = self._report(), self.is_locked
            if report == self._told:
                return False
            self._told = report
            self.is_locked = report.state == "locked"
            await self._publish(KeysStateChangedEvent(source=self._source, report=report))
            if self.is_locked:
                message = f"what is encrypted cannot be read or written: {report.reason}: {report.detail}"
                await self._alerts.raise_alert(
                    LOCKED, severity="error", message=message, advice=report.advice
                )
            else:
                await self._alerts.clear(LOCKED)
            return self.is_locked and not was_locked
