"""Without sockets, too, a paused feed waits, and a transport that was closed says nothing more."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from bus import wire
from bus.transport.memory_transport import MemoryTransport
from bus.transport.transport import TransportHandlers


class NotedBroker:
    """Runs what is called soon when it is told to, and notes the rest."""

    def __init__(self) -> None:
        self.transports: dict[bytes, MemoryTransport] = {}
        self.received: list[tuple[bytes, list[bytes]]] = []
        self.calls: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()

    def attach(self, route: bytes, transport: MemoryTransport) -> None:
        self.transports[route] = transport

    def detach(self, route: bytes) -> None:
        del self.transports[route]

    def receive(self, route: bytes, frames: list[bytes]) -> None:
        self.received.append((route, frames))

    def call_soon(self, call: Callable[..., object], *arguments: object) -> None:
        self.calls.append((call, arguments))

    def turn(self) -> None:
        while self.calls:
            call, arguments = self.calls.popleft()
            call(*arguments)


class Started:
    """A transport that was started, and what it delivered."""

    def __init__(self) -> None:
        self.broker = NotedBroker()
        self.transport = MemoryTransport(self.broker)
        self.log: list[Any] = []
        self.takes_feed = True
        self.transport.start(
            TransportHandlers(
                lambda: self.log.append("connected"),
                lambda: self.log.append("disconnected"),
                lambda frames: self.log.append(("lane", frames)),
                self.take,
                lambda: self.log.append("welcomed"),
                lambda detail: self.log.append(detail),
            )
        )
        self.broker.turn()

    def take(self, frames: list[bytes]) -> bool:
        self.log.append(("feed", frames[0]))
        return self.takes_feed

    def deliver(self, *topics: bytes) -> None:
        for topic in topics:
            self.transport.deliver_feed([topic, b"", b""])
        self.broker.turn()


def test_it_connects_and_carries_both_ways() -> None:
    found = Started()
    found.transport.send([b"PING", bytearray(b"\x91\x01")])
    found.transport.deliver_lane([b"PONG"])
    assert found.broker.received == [(found.transport.route, [b"PING", b"\x91\x01"])]
    assert found.log == ["connected", ("lane", [b"PONG"])]


def test_the_feed_brings_what_was_subscribed_and_every_heartbeat() -> None:
    found = Started()
    found.transport.subscribe(b"app.")
    found.transport.subscribe(b"other.")
    found.transport.unsubscribe(b"other.")
    found.deliver(b"app.x", b"other.x", wire.HEARTBEAT_TOPIC)
    assert found.log == ["connected", "welcomed", ("feed", b"app.x"), ("feed", wire.HEARTBEAT_TOPIC)]


def test_a_paused_feed_keeps_what_comes_until_it_is_resumed() -> None:
    found = Started()
    found.transport.subscribe(b"")
    found.takes_feed = False
    found.deliver(b"a.1", b"a.2", b"a.3")
    assert found.log[2:] == [("feed", b"a.1")]
    found.takes_feed = True
    found.transport.resume_feed()
    found.broker.turn()
    assert found.log[2:] == [("feed", b"a.1"), ("feed", b"a.2"), ("feed", b"a.3")]


def test_a_closed_transport_delivers_nothing_more() -> None:
    found = Started()
    found.transport.subscribe(b"")
    found.transport.close()
    found.transport.deliver_lane([b"PING"])
    found.deliver(b"a.1")
    assert found.log == ["connected"]
    assert found.broker.transports == {}
