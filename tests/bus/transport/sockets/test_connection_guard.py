"""The guard ends those that send too much, and leaves peers alone."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator

import pytest

from bus.transport.sockets.connection_guard import (
    STRANGER_LIMIT_BYTES,
    SUBSCRIBER_LIMIT_BYTES,
    ConnectionGuard,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux says what has arrived")

EVERYTHING = frozenset(range(100_000))


@pytest.fixture
def guard() -> Iterator[ConnectionGuard]:
    found = ConnectionGuard()
    yield found
    found.close()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    here, there = socket.socketpair()
    with here, there:
        there.setblocking(False)
        yield here, there


def send(guard: ConnectionGuard, pair: tuple[socket.socket, socket.socket], size_bytes: int) -> bool:
    """Send so much in pieces, each of which is looked at; returns whether it is too much."""
    is_excessive = False
    for _ in range(0, size_bytes, 1024):
        pair[1].sendall(bytes(1024))
        is_excessive = guard.look(EVERYTHING)
        pair[0].recv(1024)
    return is_excessive


@pytest.mark.parametrize(
    ("is_lane", "limit_bytes"), [(True, STRANGER_LIMIT_BYTES), (False, SUBSCRIBER_LIMIT_BYTES)]
)
def test_who_sends_too_much_is_ended(
    guard: ConnectionGuard, pair: tuple[socket.socket, socket.socket], *, is_lane: bool, limit_bytes: int
) -> None:
    guard.opened(pair[0].fileno(), is_lane=is_lane)
    assert not send(guard, pair, limit_bytes)
    assert send(guard, pair, 1024)
    guard.cut_excessive([])
    assert pair[0].recv(10) == b""
    guard.closed(pair[0].fileno(), is_lane=is_lane)


def test_who_was_admitted_meanwhile_stays(
    guard: ConnectionGuard, pair: tuple[socket.socket, socket.socket]
) -> None:
    guard.opened(pair[0].fileno(), is_lane=True)
    assert send(guard, pair, STRANGER_LIMIT_BYTES + 1024)
    guard.cut_excessive([pair[0].fileno()])
    assert not guard.look(EVERYTHING)
    pair[1].send(b"still here")
    assert pair[0].recv(10) == b"still here"


def test_a_peer_may_send_any_number_of_messages_until_it_leaves(
    guard: ConnectionGuard, pair: tuple[socket.socket, socket.socket]
) -> None:
    descriptor = pair[0].fileno()
    guard.opened(descriptor, is_lane=True)
    guard.admit(descriptor)
    assert not send(guard, pair, 4 * STRANGER_LIMIT_BYTES)
    assert guard.unfinished.begun.keys() == {descriptor}
    guard.cut_unfinished(0.0)
    guard.tend([descriptor], [])
    guard.tend([descriptor], [])
    assert send(guard, pair, STRANGER_LIMIT_BYTES + 1024)
    guard.closed(descriptor, is_lane=True)
    assert not guard.unfinished.begun


def test_what_shows_news_can_be_waited_for(guard: ConnectionGuard) -> None:
    assert len(set(guard.filenos())) == 3
    assert not guard.look(frozenset())
