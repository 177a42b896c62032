"""What carries frames between a peer and the broker: sockets, or calls within one process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from bus.wire import Frames


@dataclass
class TransportHandlers:
    """What a transport calls when something happens to it, always on the event loop.

    Attributes:
        connected: the lane has a new connection; the peer says HELLO.
        disconnected: the lane lost its connection.
        lane: a lane message came in.
        feed: a feed message came in; returning False pauses the feed until `resume_feed`.
        welcomed: the feed has a new connection.
        denied: the server does not accept our key, or is not the one that we expect: reason and detail.
    """

    connected: Callable[[], None]
    disconnected: Callable[[], None]
    lane: Callable[[list[bytes]], None]
    feed: Callable[[list[bytes]], bool]
    welcomed: Callable[[], None]
    denied: Callable[[str, str], None]


class Transport(Protocol):
    """One peer's way to the broker: a lane in both directions, and a feed to listen to."""

    def start(self, handlers: TransportHandlers) -> None:
        """Connect the lane, and deliver to these handlers from now on."""
        ...

    def send(self, frames: Frames) -> None:
        """Send on the lane, in order. A message that does not fit leaves as soon as it does."""
        ...

    def discard_unsent(self) -> None:
        """Drop what has not left yet. The layer above sends again what matters."""
        ...

    def subscribe(self, prefix: bytes) -> None:
        """Receive feed topics with this prefix. The first call connects the feed."""
        ...

    def unsubscribe(self, prefix: bytes) -> None:
        """Receive feed topics with this prefix no longer."""
        ...

    def resume_feed(self) -> None:
        """Continue after the feed handler returned False."""
        ...

    def close(self, linger_seconds: float = 0.0) -> None:
        """Close. What was sent last has this long to leave."""
        ...
