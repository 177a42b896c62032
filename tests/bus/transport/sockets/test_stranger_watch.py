"""What strangers send is counted as it arrives, whether or not ZeroMQ has taken it yet."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator

import pytest

from bus.transport.sockets.stranger_watch import StrangerWatch

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux says what has arrived")


@pytest.fixture
def watch() -> Iterator[StrangerWatch]:
    found = StrangerWatch(1000, 1500)
    yield found
    found.close()


def tcp_pair() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        there = socket.create_connection(listener.getsockname())
        return listener.accept()[0], there


@pytest.mark.parametrize("make", [socket.socketpair, tcp_pair])
def test_who_sends_more_than_the_limit_is_excessive(watch: StrangerWatch, make: type) -> None:
    here, there = make()
    with here, there:
        watch.begin(here.fileno())
        assert here.fileno() in watch
        for _ in range(3):
            there.sendall(bytes(300))
            assert len(here.recv(300, socket.MSG_PEEK)) == 300
            watch.look()
            here.recv(300)
        assert watch.excessive == set()
        there.sendall(bytes(300))
        here.recv(1, socket.MSG_PEEK)
        watch.look()
        assert watch.excessive == {here.fileno()}
        watch.end(here.fileno())
        watch.end(here.fileno())
        assert watch.excessive == set()
        assert here.fileno() not in watch


def test_what_waits_is_not_counted_twice(watch: StrangerWatch) -> None:
    here, there = socket.socketpair()
    with here, there:
        watch.begin(here.fileno())
        there.sendall(bytes(900))
        for _ in range(100):
            watch.look()
        assert watch.excessive == set()


def test_over_tcp_nothing_is_missed(watch: StrangerWatch) -> None:
    here, there = tcp_pair()
    with here, there:
        watch.begin(here.fileno())
        for _ in range(4):
            there.sendall(bytes(300))
            here.recv(300, socket.MSG_WAITALL)  # before anybody looks
        there.sendall(b"x")
        here.recv(1, socket.MSG_PEEK)
        watch.look()
        assert watch.excessive == {here.fileno()}


def test_together_they_may_send_so_much_and_who_sent_most_is_excessive(watch: StrangerWatch) -> None:
    pairs = [socket.socketpair() for _ in range(3)]
    for here, _ in pairs:
        watch.begin(here.fileno())
    for (_, there), size in zip(pairs, (500, 600, 450), strict=True):
        there.sendall(bytes(size))
    watch.look()
    assert watch.excessive == {pairs[1][0].fileno()}
    watch.end(pairs[1][0].fileno())
    pairs[0][0].recv(1000)
    pairs[0][1].sendall(b"x")
    watch.look()
    assert watch.excessive == set(), "there is room again"
    for pair in pairs:
        for end in pair:
            end.close()


def test_what_has_ended_is_not_watched(watch: StrangerWatch) -> None:
    watch.begin(1_000_000)
    assert 1_000_000 not in watch
    watch.end(1_000_000)
    here, there = socket.socketpair()
    watch.begin(here.fileno())
    here.close()
    there.close()
    watch.look()
    watch.end(here.fileno())
