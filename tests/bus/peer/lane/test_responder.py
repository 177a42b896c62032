"""What is served is confirmed one by one, said again on every connection, and each request answered once."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from bus import wire
from bus.errors import RequestFailed
from bus.peer.lane.responder import IncomingRequest, Responder
from schemas.state import StateLoadedEvent
from tests.support.event_samples import AnswerEvent

pytestmark = pytest.mark.anyio


class Server:
    """A responder and what it sent."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.ignored: Counter[str] = Counter()
        self.requests: list[IncomingRequest] = []
        self.published = 1
        self.responder = Responder(
            "server",
            lambda frames: self.sent.append(wire.read_from_peer([bytes(frame) for frame in frames])),
            self.ignored,
            lambda: self.published,
        )
        self.responder.welcomed()

    def begin(self, *topics: str) -> asyncio.Future[None]:
        return asyncio.ensure_future(self.responder.begin(topics, self.requests.append))

    def ask(self, id: int, topic: str = "app.a") -> None:
        self.responder.requested(
            wire.RequestHeader(id, topic, 1000, None, "asker"), [b"REQUEST", b"", b"\x80"]
        )


async def test_answers_to_serve_belong_to_them_in_their_order() -> None:
    server = Server()
    begun = [server.begin("app.a"), server.begin("app.b"), server.begin("app.c")]
    await asyncio.sleep(0)
    server.responder.confirmed(None)
    server.responder.confirmed(wire.FailedHeader(0, "refused", "taken", "SERVE"))
    server.responder.confirmed(None)
    await begun[0]
    with pytest.raises(RequestFailed, match="app.b: refused: taken"):
        await begun[1]
    await begun[2]


async def test_what_is_served_is_said_again_on_the_next_connection_but_not_what_was_refused() -> None:
    server = Server()
    begun = [server.begin("app.a"), server.begin("app.b"), server.begin("app.c")]
    await asyncio.sleep(0)
    server.responder.confirmed(None)
    server.responder.confirmed(wire.FailedHeader(0, "refused", "taken", "SERVE"))
    server.responder.disconnected()
    server.sent.clear()
    server.responder.welcomed()
    assert sorted(topic for serve in server.sent for topic in serve.topics) == ["app.a", "app.c"]
    for serve in list(server.sent):
        server.responder.confirmed(
            wire.FailedHeader(0, "refused", "taken", "SERVE") if serve.topics == ["app.a"] else None
        )
    await begun[2]
    assert server.ignored == {"serve_refused": 1}
    await asyncio.gather(*begun, return_exceptions=True)


async def test_a_request_is_answered_once_and_not_after_it_was_cancelled() -> None:
    server = Server()
    begun = server.begin("app.a")
    await asyncio.sleep(0)
    server.responder.confirmed(None)
    await begun
    server.sent.clear()
    for id in (1, 2, 3):
        server.ask(id)
    server.requests[0].reply(AnswerEvent(text="once"))
    server.requests[0].fail("refused", "twice")
    server.responder.cancelled(2)
    server.responder.cancelled(77)
    server.requests[1].reply(AnswerEvent(text="too late"))
    server.responder.disconnected()
    server.requests[2].reply(AnswerEvent(text="nobody there"))
    assert server.sent == [wire.ReplyHeader(1, 1)]
    assert [request.is_cancelled for request in server.requests] == [False, True, True]


async def test_what_it_does_not_serve_it_says() -> None:
    server = Server()
    server.ask(5, "app.unknown")
    assert (server.sent[-1].id, server.sent[-1].kind) == (5, "no_responder")


async def test_closing_lets_go_of_whoever_waits_for_a_confirmation() -> None:
    server = Server()
    begun = server.begin("app.a")
    await asyncio.sleep(0)
    server.responder.close()
    with pytest.raises(RequestFailed, match="left the bus"):
        await begun
    with pytest.raises(RequestFailed, match="left the bus"):
        await server.begin("app.b")


async def serving() -> Server:
    server = Server()
    begun = server.begin("app.a")
    await asyncio.sleep(0)
    server.responder.confirmed(None)
    await begun
    server.sent.clear()
    return server


async def test_a_reply_that_is_given_at_once_holds_as_of_now() -> None:
    server = Server()

    def answer(request: IncomingRequest) -> None:
        server.published = 8  # the answer says this, too
        request.reply(AnswerEvent(text="at once"))

    begun = asyncio.ensure_future(server.responder.begin(("app.a",), answer))
    await asyncio.sleep(0)
    server.responder.confirmed(None)
    await begun
    server.sent.clear()
    server.published = 7
    server.ask(1)
    assert server.sent == [wire.ReplyHeader(1, 8)]


async def test_a_reply_that_is_given_later_holds_as_of_the_arrival_of_its_request() -> None:
    server = await serving()
    server.published = 7
    server.ask(1)
    server.ask(2)
    server.published = 9
    server.requests[0].reply(AnswerEvent(text="later"))
    server.requests[1].reply(AnswerEvent(text="as it says itself"), as_of=8)
    assert server.sent == [wire.ReplyHeader(1, 7), wire.ReplyHeader(2, 8)]


async def test_a_reply_that_no_client_could_read_is_a_refusal() -> None:
    server = await serving()
    server.ask(1)
    server.requests[0].reply(StateLoadedEvent(key="config.x", found=True, value={1: 2}))
    assert (server.sent[0].kind, server.sent[0].id) == ("refused", 1)
    assert "found key 1; expected text" in server.sent[0].message
