"""A peer counts what it does, and refuses what nobody could receive; its promises are in tests/contract."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bus.broker.memory_bus import memory_bus
from bus.errors import HelloRefused, ProtocolError, PublishRefused, RequestFailed
from bus.peer.peer import Peer
from bus.transport.transport import TransportHandlers
from bus.wire import FailedHeader, Frames, HelloHeader, WelcomeHeader, lane_frames, read_from_peer
from tests.support.event_samples import AnswerEvent, AskEvent, NumberedEvent

pytestmark = pytest.mark.anyio


class ScriptedTransport:
    """A transport whose broker is the test."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.closed = 0
        self.handlers: TransportHandlers

    def start(self, handlers: TransportHandlers) -> None:
        self.handlers = handlers

    def send(self, frames: Frames) -> None:
        self.sent.append(read_from_peer([bytes(frame) for frame in frames]))

    def discard_unsent(self) -> None: ...

    def subscribe(self, prefix: bytes) -> None: ...

    def unsubscribe(self, prefix: bytes) -> None: ...

    def resume_feed(self) -> None: ...

    def close(self, linger_seconds: float = 0.0) -> None:
        self.closed += 1

    def says(self, header: Any, *body: bytes) -> None:
        """The broker says this on the lane."""
        self.handlers.lane([bytes(frame) for frame in lane_frames(header, *body)])


def admitted() -> tuple[Peer, ScriptedTransport]:
    """A peer that a scripted broker has admitted."""
    transport = ScriptedTransport()
    peer = Peer(transport, "tray", "secret")
    peer.start()
    transport.handlers.connected()
    transport.says(WelcomeHeader(2, "e", 0, 0, "0123456789abcdef", "named"))
    return peer, transport


async def test_what_a_peer_did_is_counted() -> None:
    async with memory_bus() as bus, bus.connect() as peer, peer.subscribe(NumberedEvent) as events:
        await peer.serve([AskEvent], lambda request: request.reply(AnswerEvent(text="me")))
        for n in range(3):
            peer.post(NumberedEvent(n=n))
        await peer.settled()
        heard = [await anext(events) for _ in range(3)]
        assert heard == [NumberedEvent(n=n) for n in range(3)]
        assert (await peer.request(AskEvent(text="?"))).text == "me", "a peer may ask itself"
        found = peer.statistics()
        assert (
            found.published,
            found.accepted,
            found.delivered,
            found.lost,
            found.welcomes,
            found.undecodable,
        ) == (3, 3, 3, 0, 1, 0)
        assert found.ignored == {}


async def test_an_event_that_is_too_large_raises_where_it_is_published() -> None:
    async with memory_bus() as bus, bus.connect() as peer:
        with pytest.raises(ProtocolError, match="oversize"):
            peer.post(NumberedEvent(n=1, filler=bytes(17 * 1024 * 1024)))
        assert peer.statistics().published == 0


async def test_a_peer_proves_itself_with_a_secret_and_learns_what_everybody_sees() -> None:
    peer, transport = admitted()
    hello = transport.sent[0]
    assert isinstance(hello, HelloHeader)
    assert (hello.name, hello.credential, len(hello.instance)) == ("tray", "secret", 32)
    assert (peer.public_instance, peer.role) == ("0123456789abcdef", "named")
    other, other_transport = admitted()
    said = other_transport.sent[0]
    assert said.instance != hello.instance
    assert other.public_instance == peer.public_instance, "as the broker says"


async def test_a_displaced_peer_stops_for_good_and_everything_that_waits_is_told() -> None:
    peer, transport = admitted()
    events = peer.subscribe(NumberedEvent)
    joining = asyncio.ensure_future(events.__aenter__())
    asking = asyncio.ensure_future(peer.request(AskEvent(text="?")))
    settling = asyncio.ensure_future(peer.settled())
    peer.post(NumberedEvent(n=1))
    await asyncio.sleep(0)
    transport.says(FailedHeader(0, "refused", "displaced: another one proved it", "HELLO"))
    with pytest.raises(HelloRefused, match="displaced: another one proved it; this connection has ended"):
        await joining
    with pytest.raises(RequestFailed, match="died"):
        await asking
    with pytest.raises(PublishRefused, match="displaced"):
        await settling
    with pytest.raises(HelloRefused, match="displaced"):
        await peer.request(AskEvent(text="?"))
    with pytest.raises(HelloRefused, match="displaced"):
        await peer.wait_until_welcome(1)
    assert (peer.is_displaced, peer.is_connected, transport.closed) == (True, False, 1)
    said = len(transport.sent)
    successor = ScriptedTransport()
    peer.move(successor, "secret")
    assert (len(transport.sent), successor.closed) == (said, 1), "it does not fight back"
    peer.close()


async def test_a_subscriber_of_a_displaced_peer_hears_what_is_queued_and_then_why_it_ends() -> None:
    async with memory_bus() as bus, bus.connect() as peer, peer.subscribe(NumberedEvent) as events:
        await peer.publish(NumberedEvent(n=1))
        await peer.settled()
        (route,) = bus.core.routes()
        bus.core.out.to_peers.append(
            (route, lane_frames(FailedHeader(0, "refused", "displaced: by another", "HELLO")))
        )
        assert await anext(events) == NumberedEvent(n=1)
        with pytest.raises(HelloRefused, match="displaced"):
            await anext(events)
