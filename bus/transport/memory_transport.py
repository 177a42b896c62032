"""One peer's way to a broker in the same process: calls on the event loop in place of sockets."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from typing import Protocol

from bus import wire
from bus.transport.transport import TransportHandlers
from bus.wire import Frames


class MemoryBroker(Protocol):
    """What this transport needs of its broker."""

    def attach(self, route: bytes, transport: MemoryTransport) -> None:
        """Deliver to this transport what the broker sends to this route."""
        ...

    def detach(self, route: bytes) -> None:
        """The transport of this route was closed."""
        ...

    def receive(self, route: bytes, frames: list[bytes]) -> None:
        """Take a lane message."""
        ...

    def call_soon(self, call: Callable[..., object], *arguments: object) -> None:
        """Call in the next turn of the event loop."""
        ...


class MemoryTransport:
    """Lane and feed of one peer, without sockets."""

    def __init__(self, broker: MemoryBroker) -> None:
        self.route = os.urandom(8)
        self._handlers: TransportHandlers | None = None
        self._broker = broker
        self._prefixes: list[bytes] = []
        self._has_feed = False
        self._is_paused = False
        self._unread: deque[list[bytes]] = deque()

    def start(self, handlers: TransportHandlers) -> None:
        """Connect; the peer is told in the next turn of the loop."""
        self._handlers = handlers
        self._broker.attach(self.route, self)
        self._broker.call_soon(self._connected)

    def send(self, frames: Frames) -> None:
        """Hand a message to the broker in the next turn of the loop."""
        self._broker.receive(self.route, [bytes(frame) for frame in frames])

    def discard_unsent(self) -> None:
        """Does nothing: here no message waits."""

    def subscribe(self, prefix: bytes) -> None:
        """Receive feed topics with this prefix. The first call connects the feed."""
        self._prefixes.append(prefix)
        if not self._has_feed:
            self._has_feed = True
            self._broker.call_soon(self._welcomed)

    def unsubscribe(self, prefix: bytes) -> None:
        """Receive feed topics with this prefix no longer."""
        self._prefixes.remove(prefix)

    def resume_feed(self) -> None:
        """Continue after the feed handler returned False."""
        self._is_paused = False
        self._broker.call_soon(self._read_feed)

    def close(self, linger_seconds: float = 0.0) -> None:
        """Leave; the broker still takes what was sent before."""
        self._handlers = None
        self._broker.call_soon(self._broker.detach, self.route)

    # -- called by the broker

    def reconnect(self) -> None:
        """The broker was restarted: both connections are lost, and stand again in the next turn."""
        if self._handlers is not None:
            self._handlers.disconnected()
            self._broker.call_soon(self._connected)
            if self._has_feed:
                self._broker.call_soon(self._welcomed)

    def deliver_lane(self, frames: list[bytes]) -> None:
        """A lane message came in."""
        if self._handlers is not None:
            self._handlers.lane(frames)

    def deliver_feed(self, frames: list[bytes]) -> None:
        """The feed announces a message."""
        if frames[0] == wire.HEARTBEAT_TOPIC or any(map(frames[0].startswith, self._prefixes)):
            self._unread.append(frames)
            self._broker.call_soon(self._read_feed)

    def _connected(self) -> None:
        if self._handlers is not None:
            self._handlers.connected()

    def _welcomed(self) -> None:
        if self._handlers is not None:
            self._handlers.welcomed()

    def _read_feed(self) -> None:
        while self._unread and self._handlers is not None and not self._is_paused:
            self._is_paused = not self._handlers.feed(self._unread.popleft())
