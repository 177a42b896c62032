"""What carries frames between a peer and the broker: sockets, or a call within the same process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from bus.wire import Frames


@dataclass
class LinkHandlers:
    """Where a link delivers what happens to it; all are called on the event loop.

    Attributes:
        connected: the lane has a (new) connection: say HELLO.
        disconnected: the lane lost its connection.
        lane: a lane message came in.
        feed: a feed message came in; returns False to be given no more until `resume_feed`.
        welcomed: the feed has a (new) connection.
        denied: the server does not accept our key, or is not who we think it is.
    """

    connected: Callable[[], None]
    disconnected: Callable[[], None]
    lane: Callable[[list[bytes]], None]
    feed: Callable[[list[bytes]], bool]
    welcomed: Callable[[], None]
    denied: Callable[[str], None]


class Link(Protocol):
    """One peer's way to the broker: a lane to speak on, a feed to hear."""

    def start(self, handlers: LinkHandlers) -> None:
        """Connect the lane and deliver to these handlers from now on."""
        ...

    def send(self, frames: Frames) -> None:
        """Send on the lane, in order; what does not fit now leaves as soon as it does."""
        ...

    def discard_unsent(self) -> None:
        """Forget what has not left yet; the layer above sends again what matters."""
        ...

    def subscribe(self, prefix: bytes) -> None:
        """Hear feed topics with this prefix. The first call connects the feed."""
        ...

    def unsubscribe(self, prefix: bytes) -> None:
        """Hear them no more."""
        ...

    def resume_feed(self) -> None:
        """Go on after the feed handler returned False."""
        ...

    def close(self, linger_seconds: float = 0.0) -> None:
        """Close; what was sent last has so long to leave."""
        ...
