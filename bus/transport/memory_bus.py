"""The bus in one process, without sockets: the same routing and the same peers, joined by calls on the event loop.

For tests of actors and for apps that want Undercroft's parts without its processes. Held to the same contract
suite.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Final

from bus import wire
from bus.broker.broker_core import Routing
from bus.broker.event_log import RING_LIMIT_BYTES, RING_LIMIT_EVENTS, Ledger
from bus.broker.topic_rules import TopicRules
from bus.client import Peer, attach, unique_name
from bus.transport.transport import LinkHandlers
from bus.wire import Frames

TOKEN: Final = "memory"  # noqa: S105  # nobody outside this process can show it


class MemoryLink:
    """One peer's way to a broker in the same process."""

    def __init__(self, bus: MemoryBus) -> None:
        self.route = os.urandom(8)
        self.handlers: LinkHandlers | None = None
        self._bus = bus
        self._prefixes: list[bytes] = []
        self._is_hearing = False
        self._is_paused = False
        self._unheard: deque[list[bytes]] = deque()

    def start(self, handlers: LinkHandlers) -> None:
        """Connect at once, as far as the peer can see."""
        self.handlers = handlers
        self._bus.links[self.route] = self
        self._bus.call_soon(self._connected)

    def send(self, frames: Frames) -> None:
        """Hand a message to the broker in the next turn of the loop."""
        self._bus.receive(self.route, [bytes(frame) for frame in frames])

    def discard_unsent(self) -> None:
        """Nothing ever waits here."""

    def subscribe(self, prefix: bytes) -> None:
        """Hear feed topics with this prefix."""
        self._prefixes.append(prefix)
        if not self._is_hearing:
            self._is_hearing = True
            self._bus.call_soon(self._welcomed)

    def unsubscribe(self, prefix: bytes) -> None:
        """Hear them no more."""
        self._prefixes.remove(prefix)

    def resume_feed(self) -> None:
        """Go on after the feed handler returned False."""
        self._is_paused = False
        self._bus.call_soon(self._hear)

    def close(self, linger_seconds: float = 0.0) -> None:
        """Leave; what was sent before is still carried out."""
        self.handlers = None
        self._bus.call_soon(self._bus.gone, self.route)

    def bring(self, frames: list[bytes]) -> None:
        """The feed announces this."""
        if frames[0] == wire.HEARTBEAT_TOPIC or any(
            frames[0].startswith(prefix) for prefix in self._prefixes
        ):
            self._unheard.append(frames)
            self._bus.call_soon(self._hear)

    def _connected(self) -> None:
        if self.handlers is not None:
            self.handlers.connected()

    def _welcomed(self) -> None:
        if self.handlers is not None:
            self.handlers.welcomed()

    def _hear(self) -> None:
        while self._unheard and self.handlers is not None and not self._is_paused:
            self._is_paused = not self.handlers.feed(self._unheard.popleft())


class MemoryBus:
    """A broker without sockets."""

    def __init__(
        self,
        namespaces: Iterable[str] = (),
        ring_limit_events: int = RING_LIMIT_EVENTS,
        ring_limit_bytes: int = RING_LIMIT_BYTES,
    ) -> None:
        self.links: dict[bytes, MemoryLink] = {}
        self._loop = asyncio.get_running_loop()
        ledger = Ledger(os.urandom(8).hex(), ring_limit_events, ring_limit_bytes)
        self.routing = Routing(
            ledger, TOKEN, TopicRules(namespaces), lambda route: route in self.links, time.monotonic()
        )
        self._timer: asyncio.TimerHandle | None = None
        self._incoming: deque[tuple[bytes, list[bytes]]] = deque()
        self._tick()

    @asynccontextmanager
    async def connect(self, name: str | None = None) -> AsyncIterator[Peer]:
        """A peer of this bus.

        Raises:
            HelloRefused: the name is taken.
        """
        async with attach(MemoryLink(self), name or unique_name("client"), TOKEN) as peer:
            yield peer

    def close(self) -> None:
        """Stop the broker's clock."""
        if self._timer is not None:
            self._timer.cancel()

    # -- called by the links
    # ---------------------------------------------------------------------------------------

    def call_soon(self, call: object, *arguments: object) -> None:
        """Run in the next turn of the loop."""
        self._loop.call_soon(call, *arguments)  # type: ignore[arg-type]  # the callers above pass bound methods

    def receive(self, route: bytes, frames: list[bytes]) -> None:
        """Take a lane message."""
        self._incoming.append((route, frames))
        if len(self._incoming) == 1:
            self._loop.call_soon(self._drain)

    def gone(self, route: bytes) -> None:
        """A link was closed."""
        self._drain()
        if self.links.pop(route, None) is not None:
            self.routing.unreachable(route, time.monotonic(), time.time_ns())
            self._carry_out()

    def _drain(self) -> None:
        while self._incoming:
            route, frames = self._incoming.popleft()
            self.routing.receive(route, frames, time.monotonic(), time.time_ns())
            self._carry_out()
        self._carry_out()
        self._tick()

    def _carry_out(self) -> None:
        routing = self.routing
        while routing.announced or routing.outgoing:
            announced, routing.announced = routing.announced, []
            for message in announced:
                self._announce([bytes(frame) for frame in message])
            outgoing, routing.outgoing = routing.outgoing, []
            for route, frames in outgoing:
                link = self.links.get(route)
                if link is None:
                    routing.unreachable(route, time.monotonic(), time.time_ns())
                elif link.handlers is not None:
                    self._loop.call_soon(_deliver, link, [bytes(frame) for frame in frames])

    def _announce(self, frames: list[bytes]) -> None:
        for link in list(self.links.values()):
            link.bring(frames)

    def _tick(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        heartbeat = self.routing.tick(time.monotonic())
        if heartbeat is not None:
            self._announce([bytes(frame) for frame in heartbeat])
        self._carry_out()
        self._timer = self._loop.call_later(max(0.0, self.routing.next_due() - time.monotonic()), self._tick)


def _deliver(link: MemoryLink, frames: list[bytes]) -> None:
    if link.handlers is not None:
        link.handlers.lane(frames)


@asynccontextmanager
async def memory_bus(
    namespaces: Iterable[str] = (),
    ring_limit_events: int = RING_LIMIT_EVENTS,
    ring_limit_bytes: int = RING_LIMIT_BYTES,
) -> AsyncIterator[MemoryBus]:
    """A bus that lives for the length of a block; its `connect` makes peers."""
    bus = MemoryBus(namespaces, ring_limit_events, ring_limit_bytes)
    try:
        yield bus
    finally:
        bus.close()
