"""What arrives on the lane reaches its half of the peer; an answer that cannot be read is an outcome."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from bus import wire
from bus.errors import RequestFailed
from bus.peer.peer_link import PeerLink
from bus.transport.transport import TransportHandlers

pytestmark = pytest.mark.anyio


class Wire:
    """A transport that notes what is sent."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.handlers: TransportHandlers

    def start(self, handlers: TransportHandlers) -> None:
        self.handlers = handlers

    def send(self, frames: Any) -> None:
        self.sent.append(wire.read_from_peer([bytes(frame) for frame in frames]))

    def discard_unsent(self) -> None: ...

    def subscribe(self, prefix: bytes) -> None: ...

    def unsubscribe(self, prefix: bytes) -> None: ...

    def resume_feed(self) -> None: ...

    def close(self, linger_seconds: float = 0.0) -> None: ...


def linked() -> tuple[PeerLink, Wire]:
    transport = Wire()
    link = PeerLink(transport, "tray", "token")
    link.start()
    transport.handlers.connected()
    transport.handlers.lane(wire.lane_frames(wire.WelcomeHeader(2, "e", 0, 0, "public", "guest")))
    return link, transport


async def asked(link: PeerLink) -> asyncio.Future[Any]:
    asking = asyncio.ensure_future(link.requester.request("app.a", b"\x80", 5, None))
    await asyncio.sleep(0)
    return asking


@pytest.mark.parametrize(
    "frames",
    [
        [b"REPLY", msgspec.msgpack.encode([1, 2, 3, 4]), b"\x80"],
        [b"FAILED", msgspec.msgpack.encode([1, "a_kind_of_a_later_version", "words", "REQUEST"])],
        [b"REPLY", msgspec.msgpack.encode([1, "e", 1, "server"])],
    ],
    ids=["a header that does not fit", "a kind that nobody knows", "a reply without a body"],
)
async def test_an_answer_that_cannot_be_read_fails_its_question_as_invalid(frames: list[bytes]) -> None:
    link, transport = linked()
    asking = await asked(link)
    transport.handlers.lane(frames)
    with pytest.raises(RequestFailed) as caught:
        await asking
    assert caught.value.kind == "invalid"


async def test_what_was_sent_before_the_broker_knew_the_connection_had_no_effect() -> None:
    link, transport = linked()
    asking = await asked(link)
    refusal = wire.FailedHeader(1, "refused", "unknown_peer: say HELLO first")
    transport.handlers.lane([bytes(frame) for frame in wire.lane_frames(refusal)])
    with pytest.raises(RequestFailed) as caught:
        await asking
    assert caught.value.kind == "died"


async def test_a_ping_of_the_broker_is_answered_and_nonsense_is_counted() -> None:
    link, transport = linked()
    transport.handlers.lane([bytes(frame) for frame in wire.lane_frames(wire.PingHeader(7))])
    assert transport.sent[-1] == wire.PongHeader(7)
    transport.handlers.lane([b"NOISE", b"\x90"])
    transport.handlers.lane([b"REPLY"])
    assert link.ignored == {"wrong_verb": 1, "truncated": 1}
