"""Messages keep their frames, and nothing waits."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
import zmq

from bus import wire
from bus.transport.sockets.frame_io import (
    FRAME_SLACK_BYTES,
    HIGH_WATER_MARK_MESSAGES,
    has_input,
    receive_frames,
    send_frames,
    set_limits,
)


@pytest.fixture
def pair() -> Iterator[tuple[zmq.Socket[bytes], zmq.Socket[bytes]]]:
    context = zmq.Context()
    near, far = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
    for socket in (near, far):
        set_limits(socket)
    near.bind("inproc://pair")
    far.connect("inproc://pair")
    yield near, far
    context.destroy(linger=0)


def test_frames_arrive_as_they_were_sent(pair: tuple[zmq.Socket[bytes], zmq.Socket[bytes]]) -> None:
    near, far = pair
    assert not has_input(far)
    for frames in ([b"alone"], [b"PING", bytearray(b"\x91\x01"), b""]):
        send_frames(near, frames)
        assert has_input(far)
        assert receive_frames(far) == frames
    assert not has_input(far)
    with pytest.raises(zmq.Again):
        receive_frames(far)


def test_a_full_queue_refuses_at_once(pair: tuple[zmq.Socket[bytes], zmq.Socket[bytes]]) -> None:
    near, _ = pair
    sent = 0
    with contextlib.suppress(zmq.Again):
        while sent <= 2 * HIGH_WATER_MARK_MESSAGES:
            send_frames(near, [b"x"])
            sent += 1
    assert HIGH_WATER_MARK_MESSAGES <= sent <= 2 * HIGH_WATER_MARK_MESSAGES


def test_the_library_beneath_is_the_one_that_the_limits_are_meant_for() -> None:
    assert zmq.zmq_version().startswith("4.")


def test_the_largest_body_fits_a_frame_even_when_it_is_encrypted() -> None:
    curve_overhead_bytes = 33
    assert curve_overhead_bytes <= FRAME_SLACK_BYTES
    assert wire.BODY_LIMIT_BYTES == 16 * 1024 * 1024
