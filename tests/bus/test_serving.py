"""What a peer serves is told on every connection, and each request is answered at most once."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from bus import wire
from bus.errors import RequestFailed
from bus.serving import IncomingRequest, Serving
from schemas.models import ModelRemovedEvent

pytestmark = pytest.mark.anyio


class Lane:
    """Collects what is sent."""

    def __init__(self) -> None:
        self.sent: list[list[bytes]] = []

    def send(self, frames: list[wire.Frame]) -> None:
        self.sent.append([bytes(frame) for frame in frames])

    @property
    def headers(self) -> list[wire.LaneHeader]:
        return [wire.read_from_peer(frames) for frames in self.sent]


def serving(lane: Lane) -> Serving:
    return Serving("store", lane.send, Counter())


async def begin(board: Serving, *topics: str) -> tuple[asyncio.Future[None], list[IncomingRequest]]:
    requests: list[IncomingRequest] = []
    waiting = asyncio.ensure_future(board.begin(topics, requests.append))
    await asyncio.sleep(0)
    return waiting, requests


async def test_serving_is_confirmed_by_the_broker_and_told_again_on_the_next_connection() -> None:
    lane = Lane()
    board = serving(lane)
    waiting, _ = await begin(board, "config.request")
    assert not lane.sent
    board.welcomed()
    assert lane.headers == [wire.Serve(["config.request"])]
    board.confirmed(None)
    await waiting
    board.disconnected()
    board.welcomed()
    assert lane.headers[1:] == [wire.Serve(["config.request"])]


async def test_confirmations_come_in_the_order_of_the_questions() -> None:
    board = serving(Lane())
    board.welcomed()
    first, _ = await begin(board, "config.request")
    second, _ = await begin(board, "models.list")
    board.confirmed(wire.Failed(0, "refused", "duplicate_service: taken", "SERVE"))
    board.confirmed(None)
    with pytest.raises(RequestFailed, match="taken"):
        await first
    await second


async def test_a_request_is_answered_once() -> None:
    lane = Lane()
    board = serving(lane)
    board.welcomed()
    _, requests = await begin(board, "config.request")
    board.requested(wire.Request(9, "config.request", 1000), [b"REQUEST", b"", b"\x80"])
    requests[0].reply(ModelRemovedEvent(model_id="tiny", freed_bytes=1))
    requests[0].fail("refused", "too late")
    assert lane.headers[1:] == [wire.Reply(9)]


async def test_a_cancelled_request_gets_no_answer() -> None:
    lane = Lane()
    board = serving(lane)
    board.welcomed()
    _, requests = await begin(board, "config.request")
    board.requested(wire.Request(9, "config.request", 1000), [b"REQUEST", b"", b"\x80"])
    board.cancelled(9)
    assert requests[0].is_cancelled
    requests[0].fail("refused", "nobody listens")
    assert len(lane.sent) == 1


async def test_what_is_not_served_is_said_so() -> None:
    lane = Lane()
    board = serving(lane)
    board.welcomed()
    board.requested(wire.Request(9, "models.list", 1000), [b"REQUEST", b"", b"\x80"])
    (failed,) = lane.headers
    assert isinstance(failed, wire.Failed)
    assert failed.kind == "no_responder"


async def test_an_answer_beyond_the_limit_becomes_a_failure() -> None:
    lane = Lane()
    board = serving(lane)
    board.welcomed()
    _, requests = await begin(board, "config.request")
    board.requested(wire.Request(9, "config.request", 1000), [b"REQUEST", b"", b"\x80"])
    requests[0].reply(ModelRemovedEvent(model_id="x" * wire.BODY_LIMIT_BYTES, freed_bytes=1))
    failed = lane.headers[-1]
    assert isinstance(failed, wire.Failed)
    assert failed.kind == "refused"


async def test_whoever_waits_for_a_confirmation_is_let_go_when_the_peer_leaves() -> None:
    board = serving(Lane())
    waiting, _ = await begin(board, "config.request")
    board.close()
    with pytest.raises(RequestFailed, match="left"):
        await waiting
    with pytest.raises(RequestFailed, match="left"):
        await board.begin(("models.list",), lambda request: None)
