"""Who has begun to send, and fills the memory without a message coming of it, is found."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator

import pytest

from bus.transport.sockets.unfinished_messages import (
    GROWTH_LIMIT_BYTES,
    LOOK_ON_SECONDS,
    LOOK_SECONDS,
    PATIENCE_SECONDS,
    UnfinishedMessages,
    resident_bytes,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux says what has arrived")


@pytest.fixture
def messages() -> Iterator[UnfinishedMessages]:
    found = UnfinishedMessages()
    yield found
    found.close()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    here, there = socket.socketpair()
    with here, there:
        yield here, there


def test_who_has_begun_is_cut_off_when_the_memory_has_grown(
    messages: UnfinishedMessages, pair: tuple[socket.socket, socket.socket]
) -> None:
    here, there = pair
    messages.arm([here.fileno()])
    messages.note(10.0)
    assert not messages.begun
    there.send(b"x")
    messages.note(10.0)
    ((since, size_bytes),) = messages.begun.values()
    assert since == 10.0
    assert messages.overdue(10.01 + PATIENCE_SECONDS, size_bytes + GROWTH_LIMIT_BYTES) == []
    assert messages.overdue(10.0, size_bytes + GROWTH_LIMIT_BYTES + 1) == []
    found = messages.overdue(10.01 + PATIENCE_SECONDS, size_bytes + GROWTH_LIMIT_BYTES + 1)
    assert found == [here.fileno()]
    assert not messages.begun


def test_who_has_finished_a_message_may_take_any_time_for_the_next(
    messages: UnfinishedMessages, pair: tuple[socket.socket, socket.socket]
) -> None:
    here, there = pair
    messages.arm([here.fileno()])
    there.send(b"x")
    messages.note(10.0)
    messages.finished(here.fileno())
    messages.finished(here.fileno())
    assert messages.overdue(99.0, 1 << 60) == []
    messages.note(11.0)
    assert not messages.begun, "it is noted once"
    messages.arm([here.fileno()])
    messages.note(11.0)
    assert messages.begun.keys() == {here.fileno()}


def test_looks_go_on_while_something_arrives(
    messages: UnfinishedMessages, pair: tuple[socket.socket, socket.socket]
) -> None:
    here, there = pair
    assert messages.next_due(10.0) == float("inf")
    messages.arm([here.fileno()])
    there.send(b"x")
    messages.note(10.0)
    assert messages.next_due(10.0) == 10.0 + LOOK_SECONDS
    assert messages.next_due(10.0 + LOOK_ON_SECONDS) == float("inf"), "a half message costs nothing"


def test_what_has_ended_is_not_armed(messages: UnfinishedMessages) -> None:
    messages.arm([1_000_000, -1])
    messages.note(0.0)
    assert not messages.begun
    assert resident_bytes() > 1_000_000
