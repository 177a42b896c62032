"""Tells everybody what changed: at once, and with one event for all that changed in the same turn of the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bus.client import correlation
from schemas.config import SettingsChangedEvent


class Announcements:
    """Changes that are in effect and about to be told.

    The event leaves when the turn ends. The write of the same change has begun by then, so that both go on
    side by side.
    """

    def __init__(self, post: Callable[[SettingsChangedEvent], None]) -> None:
        self._post = post
        self._waiting: SettingsChangedEvent | None = None
        self._matter: str | None = None

    def tell(self, event: SettingsChangedEvent) -> None:
        """Tell of a change, together with others of this turn that came about in the same way. Together they belong to no one matter."""
        before = self._waiting
        if before is not None and before.reason == event.reason:
            self._waiting = merged(before, event)
            if correlation.get() != self._matter:
                self._matter = None
            return
        self.flush()
        self._waiting, self._matter = event, correlation.get()
        asyncio.get_running_loop().call_soon(self.flush)

    def flush(self) -> None:
        """Tell now what waits: something is about to be said that comes after it."""
        event, self._waiting = self._waiting, None
        if event is not None:
            token = correlation.set(self._matter)
            try:
                self._post(event)
            finally:
                correlation.reset(token)


def merged(before: SettingsChangedEvent, after: SettingsChangedEvent) -> SettingsChangedEvent:
    """One event for two changes, the later one second: each setting that changed, as it is in the end."""
    return SettingsChangedEvent(
        changed={**before.changed, **after.changed},
        settings=after.settings,
        revision=after.revision,
        reason=after.reason,
        restart=list(dict.fromkeys([*before.restart, *after.restart])),
    )
