"""Lane and feed over real sockets: what is sent arrives, who is gone shows, strangers stay outside."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from bus.discovery import Runtime
from bus.errors import UnsafeEndpoint
from bus.transport.sockets.broker_sockets import BrokerSockets, SendOutcome, prepare_endpoint
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


async def test_a_peer_that_is_gone_shows_as_a_disconnect_and_in_the_next_send(sockets: BrokerSockets) -> None:
    far = Far(sockets)
    await far.connected.wait()
    far.transport.send([b"PING", b"\x91\x01"])
    route, *_ = await received(sockets)
    far.transport.close()
    while "disconnects" not in sockets.poll(GUARD_SECONDS):
        pass
    assert sockets.drain_disconnects() >= 1
    while sockets.send(route, [b"PING", b"\x91\x00"]) is not SendOutcome.GONE:
        pass
    assert sockets.send(b"nobody", [b"PING", b"\x91\x00"]) is SendOutcome.GONE


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


def test_a_stale_socket_makes_room_and_the_directory_is_closed_to_others(tmp_path: Path) -> None:
    directory = tmp_path / "new"
    prepare_endpoint(f"ipc://{directory}/lane", has_keys=False)
    (directory / "lane").write_bytes(b"")
    prepare_endpoint(f"ipc://{directory}/lane", has_keys=False)
    assert not (directory / "lane").exists()
    assert os.name == "nt" or stat.S_IMODE(directory.stat().st_mode) == 0o700


@pytest.mark.parametrize("endpoint", ["tcp://127.0.0.1:*", "tcp://[::1]:5000", "tcp://localhost:0"])
def test_loopback_with_keys_is_fine_and_without_is_not(endpoint: str) -> None:
    prepare_endpoint(endpoint, has_keys=True)
    with pytest.raises(UnsafeEndpoint):
        prepare_endpoint(endpoint, has_keys=False)
