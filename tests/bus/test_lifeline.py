"""The lifeline: every message arrives whole, the end of file is noticed, nonsense is refused."""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import socket
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.lifeline import (
    MESSAGE_LIMIT_BYTES,
    Lifeline,
    LifelineBroken,
    LifelineClosed,
    LifelineMessage,
    LineDecoder,
    PumpedLifeline,
    StopMessage,
    encode,
)

MESSAGES = st.one_of(
    st.builds(LifelineMessage, start=st.dictionaries(st.text(), st.text() | st.integers(0, 9))),
    st.builds(LifelineMessage, ping=st.integers(0, 2**53)),
    st.builds(LifelineMessage, stop=st.builds(StopMessage, returning=st.booleans())),
    st.builds(LifelineMessage, pong=st.integers(0, 2**53)),
    st.builds(LifelineMessage, peer_answered=st.dictionaries(st.text(), st.text())),
    st.builds(LifelineMessage, ready=st.dictionaries(st.text(), st.text())),
)


@given(st.lists(MESSAGES), st.data())
def test_messages_survive_any_cut_of_the_stream(messages: list[LifelineMessage], data: st.DataObject) -> None:
    stream = b"".join(map(encode, messages))
    decoder, found = LineDecoder(), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        found += decoder.feed(stream[:size])
        stream = stream[size:]
    assert found == messages


@given(st.binary())
def test_bytes_that_are_no_messages_are_refused_and_nothing_else_is_raised(junk: bytes) -> None:
    try:
        LineDecoder().feed(junk)
    except LifelineBroken as error:
        assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: PT017 - most junk raises, but not all


def test_fields_of_a_later_version_are_skipped() -> None:
    assert LineDecoder().feed(b'{"weather": "fair", "ping": 3}\n') == [LifelineMessage(ping=3)]


def test_a_line_without_end_is_refused_before_it_fills_the_memory() -> None:
    decoder = LineDecoder()
    for _ in range(15):
        assert decoder.feed(b"x" * (MESSAGE_LIMIT_BYTES // 16)) == []
    with pytest.raises(LifelineBroken, match="more than 1048576 bytes"):
        decoder.feed(b"x" * (MESSAGE_LIMIT_BYTES // 16))


def test_a_message_over_the_limit_is_not_sent() -> None:
    with pytest.raises(LifelineBroken, match="expected at most 1048576"):
        encode(LifelineMessage(start={"secret": "x" * MESSAGE_LIMIT_BYTES}))


class Pair:
    """A lifeline with its parent's end."""

    def __init__(self, kind: type[Lifeline]) -> None:
        to_child, self.parent_write = os.pipe()
        self.parent_read, from_child = os.pipe()
        self.child = kind(to_child, from_child)

    def say(self, *messages: LifelineMessage) -> None:
        os.write(self.parent_write, b"".join(map(encode, messages)))

    def wait(self) -> None:
        assert select.select([self.child], [], [], 5)[0], "the child's end did not become readable"

    def close(self) -> None:
        self.child.close()
        for fd in (self.parent_read, self.parent_write):
            with contextlib.suppress(OSError):
                os.close(fd)


@pytest.fixture(params=[Lifeline, PumpedLifeline])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    pair = Pair(request.param)
    yield pair
    pair.close()


def test_what_follows_the_start_message_is_seen_by_a_poll(pair: Pair) -> None:
    pair.say(
        LifelineMessage(start={"role": "actor"}),
        LifelineMessage(ping=1),
        LifelineMessage(stop=StopMessage(returning=True)),
    )
    assert pair.child.wait_start() == {"role": "actor"}
    pair.wait()
    assert pair.child.receive() == [
        LifelineMessage(ping=1),
        LifelineMessage(stop=StopMessage(returning=True)),
    ]
    assert pair.child.receive() == []


def test_another_first_message_than_start_is_refused(pair: Pair) -> None:
    pair.say(LifelineMessage(ping=1))
    with pytest.raises(LifelineBroken, match="expected the start message first, found .*ping"):
        pair.child.wait_start()


def test_the_end_of_file_is_told_after_the_last_words(pair: Pair) -> None:
    pair.say(LifelineMessage(ping=9))
    pair.wait()
    assert pair.child.receive() == [LifelineMessage(ping=9)]
    os.close(pair.parent_write)
    pair.wait()
    with pytest.raises(LifelineClosed):
        pair.child.receive()


def test_a_supervisor_that_leaves_before_the_start_is_noticed(pair: Pair) -> None:
    os.close(pair.parent_write)
    with pytest.raises(LifelineClosed):
        pair.child.wait_start()


def test_the_child_tells_that_it_is_ready_and_answers_pings(pair: Pair) -> None:
    pair.child.send_ready({"lane": "ipc:///x"})
    pair.child.send_pong(4)
    assert LineDecoder().feed(os.read(pair.parent_read, 4096)) == [
        LifelineMessage(ready={"lane": "ipc:///x"}),
        LifelineMessage(pong=4),
    ]


def test_speaking_to_a_supervisor_that_is_gone_is_told_as_closed(pair: Pair) -> None:
    os.close(pair.parent_read)
    with pytest.raises(LifelineClosed):
        pair.child.send_pong(1)


def test_one_socket_serves_as_both_pipes() -> None:
    parent, child = socket.socketpair()
    with parent:
        fd = child.detach()
        lifeline = Lifeline(fd, fd)
        parent.sendall(encode(LifelineMessage(start={})))
        assert lifeline.wait_start() == {}
        lifeline.send_pong(1)
        assert parent.recv(100) == b'{"pong":1}\n'
        lifeline.close()
