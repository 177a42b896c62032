"""Small messages that a slow peer did not take yet, in order, until it does. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final

from bus.broker.membership.peer_record import Route
from bus.wire import Frame

BACKLOG_LIMIT_MESSAGES: Final = 4096
BACKLOG_LIMIT_BYTES: Final = 1024 * 1024
"""What is kept for one peer. One that takes no more than this is cut off."""

RETRY_SECONDS: Final = 0.05


class Backlog:
    """Keeps what has to arrive, such as the outcome of a request, while the queue of a peer is full."""

    def __init__(self) -> None:
        self._messages: dict[Route, deque[list[Frame]]] = {}
        self._sizes: dict[Route, int] = {}
        self._retry_at = 0.0

    def __contains__(self, route: Route) -> bool:
        return route in self._messages

    def keep(self, route: Route, frames: list[Frame], now: float) -> bool:
        """Keep a message behind those that wait; False: too much waits already."""
        if not self._messages:
            self._retry_at = now + RETRY_SECONDS
        messages = self._messages.setdefault(route, deque())
        self._sizes[route] = self._sizes.get(route, 0) + sum(map(len, frames))
        messages.append(frames)
        return len(messages) <= BACKLOG_LIMIT_MESSAGES and self._sizes[route] <= BACKLOG_LIMIT_BYTES

    def forget(self, route: Route) -> None:
        """A connection ended."""
        self._messages.pop(route, None)
        self._sizes.pop(route, None)

    def take_due(self, now: float) -> Iterable[tuple[Route, list[Frame]]]:
        """Take out everything, once it is time to try again."""
        if not self._messages or now < self._retry_at:
            return ()
        taken, self._messages, self._sizes = self._messages, {}, {}
        return [(route, frames) for route, messages in taken.items() for frames in messages]

    def next_due(self) -> float | None:
        """When to try again."""
        return self._retry_at if self._messages else None
