"""The bus in one process: the real broker core and real peers, joined by calls on the event loop.

For tests of actors, and for apps that want parts of Undercroft without its processes. The contract suite
holds it to the same promises as the bus over sockets.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Final

from bus.broker.broker_core import BrokerCore
from bus.broker.log.event_log import RING_LIMIT_BYTES, RING_LIMIT_EVENTS, EventLog
from bus.broker.roster import Roster, generous_roster
from bus.client import attach, unique_name
from bus.peer.peer import Peer
from bus.transport.memory_transport import MemoryTransport

TOKEN: Final = "memory"  # noqa: S105  # no other process can present it


class MemoryBus:
    """A broker without sockets.

    Attributes:
        core: decides everything, as in the broker process.
    """

    def __init__(
        self,
        namespaces: Iterable[str] = (),
        ring_limit_events: int = RING_LIMIT_EVENTS,
        ring_limit_bytes: int = RING_LIMIT_BYTES,
        roster: Roster | None = None,
    ) -> None:
        self._transports: dict[bytes, MemoryTransport] = {}
        self._loop = asyncio.get_running_loop()
        self._ring_limits = (ring_limit_events, ring_limit_bytes)
        self._roster = generous_roster(namespaces) if roster is None else roster
        self.core = self._new_core()
        self._timer: asyncio.TimerHandle | None = None
        self._incoming: deque[tuple[bytes, list[bytes]]] = deque()
        self._tick()

    @asynccontextmanager
    async def connect(self, name: str | None = None, credential: str = TOKEN) -> AsyncIterator[Peer]:
        """Make a peer of this bus; it leaves at the end of the block.

        Args:
            name: of the peer; None: a unique one.
            credential: that of the name; left out: it joins as a guest.

        Raises:
            HelloRefused: the name is taken, or the credential is another.
        """
        async with attach(MemoryTransport(self), name or unique_name("client"), credential) as peer:
            yield peer

    def restart(self) -> None:
        """Begin a new life of the broker, as after a crash: it knows nothing, and nobody is connected."""
        self._incoming.clear()
        self.core = self._new_core(succession=True)
        for transport in list(self._transports.values()):
            transport.reconnect()
        self._tick()

    def _new_core(self, *, succession: bool = False) -> BrokerCore:
        return BrokerCore(
            EventLog(os.urandom(8).hex(), *self._ring_limits),
            TOKEN,
            self._roster,
            lambda route: route in self._transports,
            time.monotonic(),
            succession=succession,
        )

    def close(self) -> None:
        """Stop the broker's clock."""
        if self._timer is not None:
            self._timer.cancel()

    # -- called by the transports

    def attach(self, route: bytes, transport: MemoryTransport) -> None:
        """Deliver to this transport what the broker sends to this route."""
        self._transports[route] = transport

    def detach(self, route: bytes) -> None:
        """The transport of this route was closed."""
        self._drain()
        if self._transports.pop(route, None) is not None:
            self.core.unreachable(route, time.monotonic(), time.time_ns())
            self._send_pending()

    def receive(self, route: bytes, frames: list[bytes]) -> None:
        """Take a lane message; the broker reads it in the next turn of the loop."""
        self._incoming.append((route, frames))
        if len(self._incoming) == 1:
            self._loop.call_soon(self._drain)

    def call_soon(self, call: Callable[..., object], *arguments: object) -> None:
        """Call in the next turn of the event loop."""
        self._loop.call_soon(call, *arguments)

    def _drain(self) -> None:
        while self._incoming:
            route, frames = self._incoming.popleft()
            self.core.receive(route, frames, time.monotonic(), time.time_ns())
            self._send_pending()
        self._send_pending()
        self._tick()

    def _send_pending(self) -> None:
        """Deliver what the core wants to send, until nothing is left."""
        core = self.core
        while core.out:
            for message in core.out.take_for_feed():
                self._announce([bytes(frame) for frame in message])
            for route, frames in core.out.take_for_peers():
                transport = self._transports.get(route)
                if transport is None:
                    core.unreachable(route, time.monotonic(), time.time_ns())
                else:
                    self._loop.call_soon(transport.deliver_lane, [bytes(frame) for frame in frames])

    def _announce(self, frames: list[bytes]) -> None:
        for transport in list(self._transports.values()):
            transport.deliver_feed(frames)

    def _tick(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        heartbeat = self.core.tick(time.monotonic(), time.time_ns())
        if heartbeat is not None:
            self._announce([bytes(frame) for frame in heartbeat])
        self._send_pending()
        self._timer = self._loop.call_later(max(0.0, self.core.next_due() - time.monotonic()), self._tick)


@asynccontextmanager
async def memory_bus(
    namespaces: Iterable[str] = (),
    ring_limit_events: int = RING_LIMIT_EVENTS,
    ring_limit_bytes: int = RING_LIMIT_BYTES,
    roster: Roster | None = None,
) -> AsyncIterator[MemoryBus]:
    """Run a bus for the length of a block; its `connect` makes peers.

    Args:
        namespaces: patterns of topics that an app declares, such as `myapp.*`.
        ring_limit_events: most events that the broker keeps for replay.
        ring_limit_bytes: most bytes that it keeps for replay.
        roster: who may join under which name, and what each peer may do; None: everybody may everything,
            since all peers are in this process.
    """
    bus = MemoryBus(namespaces, ring_limit_events, ring_limit_bytes, roster)
    try:
        yield bus
    finally:
        bus.close()
