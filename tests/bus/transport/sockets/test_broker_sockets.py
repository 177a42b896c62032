"""Lane and feed over real sockets: what is sent arrives, who is gone shows, strangers stay outside."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bus.discovery import Runtime
from bus.transport.sockets import broker_sockets as module
from bus.transport.sockets.broker_sockets import BrokerSockets, SendOutcome
from bus.transport.sockets.connection_census import PATIENCE_SECONDS
from bus.transport.sockets.curve_keys import new_curve_secrets
from bus.transport.sockets.socket_transport import SocketTransport
from bus.transport.transport import TransportHandlers
from tests.support.broker_processes import GUARD_SECONDS

pytestmark = pytest.mark.anyio


@pytest.fixture
def sockets(tmp_path: Path) -> Iterator[BrokerSockets]:
    found = BrokerSockets(f"ipc://{tmp_path}/lane", f"ipc://{tmp_path}/feed", None)
    yield found
    found.close()


class Far:
    """A transport, and what came in."""

    def __init__(self, sockets: BrokerSockets) -> None:
        runtime = Runtime(
            app="x", pid=1, started_at=0.0, lane=sockets.lane_endpoint, feed=sockets.feed_endpoint, token="t"
        )
        self.transport = SocketTransport(runtime)
        self.connected = asyncio.Event()
        self.disconnected = asyncio.Event()
        self.welcomed = asyncio.Event()
        self.lane: asyncio.Queue[list[bytes]] = asyncio.Queue()
        self.feed: asyncio.Queue[list[bytes]] = asyncio.Queue()
        self.takes_feed = True
        self.transport.start(
            TransportHandlers(
                self.connected.set,
                self.disconnected.set,
                self.lane.put_nowait,
                self.take,
                self.welcomed.set,
                lambda _: None,
            )
        )

    def take(self, frames: list[bytes]) -> bool:
        self.feed.put_nowait(frames)
        return self.takes_feed


async def received(sockets: BrokerSockets) -> list[bytes]:
    """The next lane message, while the loop goes on."""

    def wait() -> list[bytes]:
        while "lane" not in sockets.poll(GUARD_SECONDS):
            pass
        message = sockets.receive()
        assert message is not None
        return message

    return await asyncio.to_thread(wait)


async def test_messages_go_both_ways_frame_by_frame(sockets: BrokerSockets) -> None:
    far = Far(sockets)
    await far.connected.wait()
    far.transport.send([b"PING", b"\x91\x01", b""])
    route, *frames = await received(sockets)
    assert frames == [b"PING", b"\x91\x01", b""]
    assert sockets.send(route, [b"PONG", b"\x91\x01"]) is SendOutcome.SENT
    assert await far.lane.get() == [b"PONG", b"\x91\x01"]
    far.transport.close()


async def hello(sockets: BrokerSockets, far: Far) -> bytes:
    """The route of a peer that said HELLO."""
    await far.connected.wait()
    far.transport.send([b"HELLO", b"\x90"])
    route, *frames = await received(sockets)
    assert frames == [b"HELLO", b"\x90"]
    return route


def take_news(sockets: BrokerSockets) -> set[bytes]:
    """Wait for a connection to begin or end; returns the routes that may have ended."""
    while "connections" not in sockets.poll(GUARD_SECONDS):
        pass
    return sockets.take_news(0.0)


async def test_a_peer_that_is_gone_shows_as_news_and_in_the_next_send(sockets: BrokerSockets) -> None:
    far, other = Far(sockets), Far(sockets)
    route = await hello(sockets, far)
    await hello(sockets, other)
    far.transport.close()
    while not (ended := take_news(sockets)):
        pass
    assert ended == {route}, "and not the other one"
    assert sockets.departures == 1
    while sockets.send(route, [b"PING", b"\x91\x00"]) is not SendOutcome.GONE:
        pass
    assert sockets.send(b"nobody", [b"PING", b"\x91\x00"]) is SendOutcome.GONE
    other.transport.close()


async def test_a_hello_that_is_read_after_the_end_of_its_connection_is_noted(
    sockets: BrokerSockets,
) -> None:
    far = Far(sockets)
    await far.connected.wait()
    far.transport.send([b"HELLO", b"\x90"])
    far.transport.close(GUARD_SECONDS)
    while not sockets.departures:
        take_news(sockets)
    route, *_ = await received(sockets)
    assert sockets.tend([], 0.0) == {route}
    assert sockets.tend([], 0.0) == set()


async def test_a_connection_can_be_cut(sockets: BrokerSockets) -> None:
    far = Far(sockets)
    sockets.cut(await hello(sockets, far))
    await far.disconnected.wait()
    sockets.cut(b"nobody")
    far.transport.close()


async def test_what_a_peer_does_not_read_is_bounded_in_bytes(
    sockets: BrokerSockets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LANE_LIMIT_BYTES", 4_000_000)
    far = Far(sockets)
    route = await hello(sockets, far)
    body = bytes(1_000_000)
    outcomes = [sockets.send(route, [b"REPLY", b"\x91\x01", body]) for _ in range(20)]
    assert outcomes[:3] == [SendOutcome.SENT] * 3
    assert outcomes[-1] is SendOutcome.FULL
    assert sockets.send(route, [b"PING", b"\x91\x00"]) is SendOutcome.SENT, "small ones still fit"
    sent = outcomes.count(SendOutcome.SENT)
    for _ in range(sent):
        assert (await far.lane.get())[2] == body
    assert await far.lane.get() == [b"PING", b"\x91\x00"]
    while sockets.send(route, [b"REPLY", b"\x91\x01", body]) is SendOutcome.FULL:
        await asyncio.sleep(0)
    assert sockets.take_released_bytes() >= 1_000_000
    far.transport.close()


async def test_a_page_of_many_frames_arrives_whole(sockets: BrokerSockets) -> None:
    far = Far(sockets)
    route = await hello(sockets, far)
    frames = [b"REPLAY", b"\x91\x01", *[bytes(size) for size in (300_000, 0, 100, 200_000, 20_000)]]
    assert sockets.send(route, frames) is SendOutcome.SENT
    assert await far.lane.get() == frames
    far.transport.close()


async def test_large_runs_are_not_announced_while_too_much_waits_for_slow_subscribers(
    sockets: BrokerSockets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FEED_LIMIT_BYTES", 4_000_000)
    far = Far(sockets)
    far.takes_feed = False
    far.transport.subscribe(b"app.")
    while not far.welcomed.is_set():
        sockets.take_subscriptions()
        await asyncio.sleep(0)
    announced = [sockets.announce([b"app.x", b"", bytes(1_000_000)]) for _ in range(20)]
    assert announced[:3] == [True] * 3
    assert not announced[-1]
    assert sockets.announce([b"app.x", b"", bytes(10)]), "small ones are"
    far.transport.close()
    while not sockets.announce([b"app.x", b"", bytes(1_000_000)]):
        await asyncio.sleep(0)


def raw_connections(path: Path, count: int) -> list[socket.socket]:
    """Connections that say nothing."""
    found = []
    for _ in range(count):
        connection = socket.socket(socket.AF_UNIX)
        found.append(connection)
        try:
            connection.connect(str(path))
        except OSError:
            connection.close()
            raise
    return found


@pytest.mark.skipif(os.name == "nt", reason="there are no Unix sockets")
def test_nobody_is_let_in_while_it_is_crowded_until_there_is_room(tmp_path: Path) -> None:
    sockets = BrokerSockets(f"ipc://{tmp_path}/lane", f"ipc://{tmp_path}/feed", None, 123)
    assert sockets.census.crowded_at == 50
    held: list[socket.socket] = []
    while not sockets.census.is_crowded:
        held += raw_connections(tmp_path / ("lane" if len(held) % 2 else "feed"), 1)
        while len(sockets.census) < len(held):
            take_news(sockets)
    assert len(held) == 50
    for name in ("lane", "feed"):
        with pytest.raises(FileNotFoundError):
            raw_connections(tmp_path / name, 1)
    for connection in held:
        connection.close()
    while sockets.census.is_crowded:
        take_news(sockets)
    for name in ("lane", "feed"):
        raw_connections(tmp_path / name, 1)[0].close()
    sockets.close()


async def test_nobody_gets_in_by_a_port_while_it_is_crowded_until_there_is_room() -> None:
    keys = new_curve_secrets()
    sockets = BrokerSockets("tcp://127.0.0.1:*", "tcp://127.0.0.1:*", keys, 123)
    port = int(sockets.lane_endpoint.rpartition(":")[2])
    held = []
    while not sockets.census.is_crowded:
        held.append(socket.create_connection(("127.0.0.1", port)))
        while len(sockets.census) < len(held):
            take_news(sockets)
    with socket.socket() as late:
        late.setblocking(False)
        late.connect_ex(("127.0.0.1", port))
        if sys.platform != "linux":
            late.setblocking(True)
            take_news(sockets)
            while late.recv(1000):
                pass
        count = len(sockets.census)
        for connection in held:
            connection.close()
        while sockets.census.is_crowded:
            take_news(sockets)
        while sys.platform == "linux" and len(sockets.census) != 1:
            take_news(sockets)
    assert count == 50
    sockets.close()


@pytest.mark.skipif(os.name == "nt", reason="there are no Unix sockets")
async def test_who_says_no_hello_is_ended_and_who_only_listens_while_it_is_crowded(tmp_path: Path) -> None:
    sockets = BrokerSockets(f"ipc://{tmp_path}/lane", f"ipc://{tmp_path}/feed", None, 123)
    far = Far(sockets)
    route = await hello(sockets, far)
    held = raw_connections(tmp_path / "lane", 2) + raw_connections(tmp_path / "feed", 46)
    while len(sockets.census) < 49:
        take_news(sockets)
    sockets.tend([route], PATIENCE_SECONDS - 1)
    assert len(sockets.census) == 49, "they have some time"
    sockets.tend([route], PATIENCE_SECONDS)
    while len(sockets.census) > 47:
        take_news(sockets)
    held += raw_connections(tmp_path / "feed", 3)
    while not sockets.census.is_crowded:
        take_news(sockets)
    sockets.tend([route], PATIENCE_SECONDS)
    assert sockets.send(route, [b"PING", b"\x91\x00"]) is SendOutcome.SENT, "the peer is still there"
    assert all(connection.recv(1000)[:1] in (b"", b"\xff") for connection in held[:2])
    for connection in held:
        connection.close()
    far.transport.close()
    sockets.close()


async def test_the_feed_begins_with_a_welcome_and_brings_what_was_subscribed(sockets: BrokerSockets) -> None:
    far = Far(sockets)
    far.transport.subscribe(b"app.")
    while not far.welcomed.is_set():
        sockets.take_subscriptions()
        await asyncio.sleep(0)
    while far.feed.empty():
        sockets.announce([b"other.x", b"", b""])
        sockets.announce([b"app.x", b"header", b"body"])
        await asyncio.sleep(0)
    assert await far.feed.get() == [b"app.x", b"header", b"body"]
    far.transport.close()


async def test_a_paused_feed_brings_nothing_until_it_is_resumed(sockets: BrokerSockets) -> None:
    far = Far(sockets)
    far.takes_feed = False
    far.transport.subscribe(b"")
    while far.feed.empty():
        sockets.announce([b"app.x", b"1", b""])
        await asyncio.sleep(0)
    assert far.feed.qsize() == 1
    for _ in range(3):
        sockets.announce([b"app.x", b"2", b""])
        await asyncio.sleep(0)
    assert far.feed.qsize() == 1
    far.takes_feed = True
    far.transport.resume_feed()
    while (await far.feed.get())[1] != b"2":
        pass
    far.transport.close()
