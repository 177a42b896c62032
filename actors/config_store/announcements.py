"""Publishes changes of settings: at once, and as one event if several happen in the same turn of the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bus.client import correlation
from schemas.config import SettingsChangedEvent


class Announcements:
    """Changes that are in effect and about to be published.

    The event is sent at the end of the turn. By then the write of the same change has begun, so both proceed
    in parallel.
    """

    def __init__(self, post: Callable[[SettingsChangedEvent], None]) -> None:
        """Start with nothing to publish.

        Args:
            post: publishes an event without waiting.
        """
        self._post = post
        self._waiting: SettingsChangedEvent | None = None
        self._correlation: str | None = None

    def add(self, event: SettingsChangedEvent) -> None:
        """Publish a change at the end of this turn, merged with others of the turn that have the same reason.

        A merged event has a correlation only if all its parts share it.
        """
        before = self._waiting
        if before is not None and before.reason == event.reason:
            self._waiting = merged(before, event)
            if correlation.get() != self._correlation:
                self._correlation = None
            return
        self.flush()
        self._waiting, self._correlation = event, correlation.get()
        asyncio.get_running_loop().call_soon(self.flush)

    def flush(self) -> None:
        """Publish now, because something is about to be sent that has to come after it."""
        event, self._waiting = self._waiting, None
        if event is not None:
            token = correlation.set(self._correlation)
            try:
                self._post(event)
            finally:
                correlation.reset(token)


def merged(before: SettingsChangedEvent, after: SettingsChangedEvent) -> SettingsChangedEvent:
    """One event for two successive changes, with the last value of each setting."""
    return SettingsChangedEvent(
        changed={**before.changed, **after.changed},
        settings=after.settings,
        revision=after.revision,
        reason=after.reason,
        restart=list(dict.fromkeys([*before.restart, *after.restart])),
    )
