"""No message costs the broker more than a bounded multiple of its size, and a HELLO shows its connection."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import zmq

from bus.transport.sockets.lane_intake import DROP_LIMIT_FRAMES, FRAME_LIMIT, LARGE_FRAME_BYTES, LaneIntake
from tests.support.broker_processes import GUARD_SECONDS


class Lane:
    """Both ends of a lane."""

    def __init__(self) -> None:
        self.context = zmq.Context()
        self.router = self.context.socket(zmq.ROUTER)
        self.router.bind("tcp://127.0.0.1:*")
        self.intake = LaneIntake(self.router)
        self.dealers = [self.dealer(), self.dealer()]

    def dealer(self) -> zmq.Socket[bytes]:
        dealer = self.context.socket(zmq.DEALER)
        dealer.connect(self.router.getsockopt_string(zmq.LAST_ENDPOINT))
        return dealer

    def receive(self) -> list[bytes] | None:
        assert self.router.poll(GUARD_SECONDS * 1000)
        return self.intake.receive()


@pytest.fixture
def lane() -> Iterator[Lane]:
    found = Lane()
    yield found
    found.context.destroy(linger=0)


def test_a_message_comes_with_its_route_and_nothing_is_there_without_one(lane: Lane) -> None:
    assert lane.intake.receive() is None
    lane.dealers[0].send_multipart([b"PING", b"\x91\x01", b""])
    found = lane.receive()
    assert found is not None
    assert found[1:] == [b"PING", b"\x91\x01", b""]
    assert lane.intake.receive() is None


def test_of_a_message_of_many_frames_the_rest_is_dropped_bit_by_bit(
    lane: Lane,
) -> None:
    lane.dealers[0].send_multipart([b"PUBLISH", *[b""] * (2 * DROP_LIMIT_FRAMES)])
    lane.dealers[0].send_multipart([b"PING", b"\x91\x01"])
    assert lane.receive() is None, "others get their turn"
    found = lane.intake.receive()
    while found is None:
        found = lane.intake.receive()
    assert len(found) == FRAME_LIMIT + 1
    assert (lane.receive() or [])[1:] == [b"PING", b"\x91\x01"]


def test_a_hello_shows_which_connection_it_came_on(lane: Lane) -> None:
    routes = []
    for dealer in lane.dealers:
        dealer.send_multipart([b"HELLO", b"\x90"])
        found = lane.receive()
        assert found is not None
        assert found[1:] == [b"HELLO", b"\x90"]
        routes.append(found[0])
    descriptors = [lane.intake.descriptor_of(route) for route in routes]
    assert len(set(descriptors)) == 2
    assert min(descriptors) > 0
    assert [lane.intake.routes_at(descriptor) for descriptor in descriptors] == [{route} for route in routes]
    lane.intake.forget(routes[0])
    lane.intake.forget(routes[0])
    assert lane.intake.descriptor_of(routes[0]) == -1
    assert lane.intake.routes_at(descriptors[0]) == set()


@pytest.mark.parametrize("frames", [[b"HELLO"], [b"HELLO", b"\x90", b"more", b"and more"], [b"", b"HELLO"]])
def test_an_odd_hello_is_a_message_like_any_other(lane: Lane, frames: list[bytes]) -> None:
    lane.dealers[0].send_multipart(frames)
    assert (lane.receive() or [])[1:] == frames


def test_large_frames_are_counted(lane: Lane) -> None:
    for size in (LARGE_FRAME_BYTES - 1, LARGE_FRAME_BYTES, 3 * LARGE_FRAME_BYTES):
        lane.dealers[0].send_multipart([b"PUBLISH", b"", bytes(size)])
        lane.receive()
    assert lane.intake.large_bytes == 4 * LARGE_FRAME_BYTES
