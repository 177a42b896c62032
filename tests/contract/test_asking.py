"""Every request has exactly one outcome: its reply, or a failure that says which."""

from __future__ import annotations

import asyncio

import pytest

from bus import wire
from bus.broker.request_table import IN_HAND_LIMIT
from bus.client import IncomingRequest, correlation
from bus.errors import RequestFailed
from schemas.config import RuntimeConfigRequestEvent
from tests.contract.conftest import ContractBus
from tests.support.event_samples import AnswerEvent, AskEvent, OtherEvent

pytestmark = pytest.mark.anyio


class Held:
    """Requests that a server has and does not answer; `came` is set with the first."""

    def __init__(self) -> None:
        self.requests: list[IncomingRequest] = []
        self.came = asyncio.Event()

    def __call__(self, request: IncomingRequest) -> None:
        self.requests.append(request)
        self.came.set()


async def outcome_of(asking: asyncio.Future[AnswerEvent]) -> tuple[str, str]:
    with pytest.raises(RequestFailed) as caught:
        await asking
    return caught.value.kind, caught.value.message


@pytest.mark.requirement("C-6")
async def test_a_request_gets_the_reply_of_its_server(bus: ContractBus) -> None:
    async with bus.connect("server") as server, bus.connect("asker") as asker:
        held: list[IncomingRequest] = []

        def answer(request: IncomingRequest) -> None:
            held.append(request)
            request.reply(AnswerEvent(text="42"))

        await server.serve([AskEvent], answer)
        correlation.set("matter-7")
        assert (await asker.request(AskEvent(text="?"))).text == "42"
        correlation.set(None)
        assert [(r.source, r.correlation, r.topic) for r in held] == [("asker", "matter-7", "app.ask")]


async def test_many_requests_at_once_get_each_its_own_reply(bus: ContractBus) -> None:
    async with bus.connect() as server, bus.connect() as asker, bus.connect() as other:
        held = Held()
        await server.serve([AskEvent], held)
        asking = [
            asyncio.ensure_future(peer.request(AskEvent(text=f"{peer.name} {n}")))
            for n in range(200)
            for peer in (asker, other)
        ]
        while len(held.requests) < 400:
            held.came.clear()
            await held.came.wait()
        for request in reversed(held.requests):
            request.reply(AnswerEvent(text=wire_text(request)))
        replies = [(await future).text for future in asking]
        assert replies == [f"{peer.name} {n}" for n in range(200) for peer in (asker, other)]


def wire_text(request: IncomingRequest) -> str:
    import msgspec

    return msgspec.msgpack.decode(request.body, type=AskEvent).text


async def test_nobody_serves_the_topic(bus: ContractBus) -> None:
    async with bus.connect() as asker:
        kind, message = await outcome_of(asyncio.ensure_future(asker.request(AskEvent(text="?"))))
        assert kind == "no_responder"
        assert "app.ask" in message


@pytest.mark.parametrize(("returning", "kind"), [(True, "restarting"), (False, "no_responder")])
async def test_a_server_that_left_is_due_back_or_is_not(bus: ContractBus, returning: bool, kind: str) -> None:
    async with bus.connect() as asker:
        async with bus.connect("server") as server:
            await server.serve([AskEvent], lambda request: request.reply(AnswerEvent(text="yes")))
            await asker.request(AskEvent(text="?"))
            server.close(returning=returning)
        while any(peer.peer == "server" for peer in (await bus.statistics(asker)).peers):
            pass
        assert (await outcome_of(asyncio.ensure_future(asker.request(AskEvent(text="?")))))[0] == kind
        async with bus.connect("server") as again:
            await again.serve([AskEvent], lambda request: request.reply(AnswerEvent(text="again")))
            assert (await asker.request(AskEvent(text="?"))).text == "again"


async def test_a_server_that_vanishes_with_the_request_in_hand_fails_it_as_died_and_is_due_back(
    bus: ContractBus,
) -> None:
    async with bus.connect() as asker:
        async with bus.raw() as server:
            await server.hello("server")
            server.send(wire.ServeHeader(["app.ask"]))
            await server.next(wire.ServeHeader)
            asking = asyncio.ensure_future(asker.request(AskEvent(text="?"), 30.0))
            await server.next(wire.RequestHeader)
        assert (await outcome_of(asking))[0] == "died"
        assert (await outcome_of(asyncio.ensure_future(asker.request(AskEvent(text="?")))))[0] == "restarting"


async def test_a_server_that_says_nothing_misses_the_deadline_and_hears_of_it(bus: ContractBus) -> None:
    async with bus.connect() as server, bus.connect() as asker:
        held = Held()
        await server.serve([AskEvent], held)
        kind, message = await outcome_of(asyncio.ensure_future(asker.request(AskEvent(text="?"), 0.05)))
        assert kind == "deadline"
        assert server.name in message
        (request,) = held.requests
        await bus.statistics(server)  # what the broker sent before has come
        assert request.is_cancelled
        request.reply(AnswerEvent(text="too late"))
        await bus.statistics(server)
        await bus.statistics(asker)
        assert asker.statistics().ignored == {}


async def test_a_server_with_its_hands_full_is_busy(bus: ContractBus) -> None:
    async with bus.connect() as server, bus.connect() as asker:
        held = Held()
        await server.serve([AskEvent], held)
        asking = [
            asyncio.ensure_future(asker.request(AskEvent(text="?"), 30.0)) for _ in range(IN_HAND_LIMIT + 1)
        ]
        assert (await outcome_of(asking.pop()))[0] == "busy"
        while len(held.requests) < IN_HAND_LIMIT:
            held.came.clear()
            await held.came.wait()
        held.requests.pop().reply(AnswerEvent(text="room"))
        await asking.pop()
        assert (await bus.statistics(asker)).pending_requests == IN_HAND_LIMIT - 1
        for future in asking:
            future.cancel()


@pytest.mark.parametrize("kind", ["refused", "invalid"])
async def test_a_server_may_say_no(bus: ContractBus, kind: str) -> None:
    async with bus.connect() as server, bus.connect() as asker:
        await server.serve([AskEvent], lambda request: request.fail(kind, "not today"))  # type: ignore[arg-type]  # both are kinds
        assert await outcome_of(asyncio.ensure_future(asker.request(AskEvent(text="?")))) == (
            kind,
            "not today",
        )


async def test_a_reply_that_does_not_fit_is_invalid(bus: ContractBus) -> None:
    async with bus.connect() as server, bus.connect() as asker:
        await server.serve([AskEvent], lambda request: request.reply(OtherEvent(n=1)))
        assert (await outcome_of(asyncio.ensure_future(asker.request(AskEvent(text="?")))))[0] == "invalid"


@pytest.mark.parametrize(
    "body", [(), (b"\xc1",), (b"\x80", b"\x80"), (b"\x81\xa4text\xa2\xff\xfe",), (b"\x91" * 2000,)]
)
async def test_a_reply_that_cannot_be_read_is_invalid(bus: ContractBus, body: tuple[bytes, ...]) -> None:
    async with bus.raw() as server, bus.connect() as asker:
        await server.hello("server")
        server.send(wire.ServeHeader(["app.ask"]))
        await server.next(wire.ServeHeader)
        asking = asyncio.ensure_future(asker.request(AskEvent(text="?"), 30.0))
        request, _ = await server.next(wire.RequestHeader)
        server.send(wire.ReplyHeader(request.id), *body)
        assert (await outcome_of(asking))[0] == "invalid"
        asking = asyncio.ensure_future(asker.request_raw("app.ask", {"type": "app.ask"}, 30.0))
        request, _ = await server.next(wire.RequestHeader)
        server.send(wire.ReplyHeader(request.id), *body)
        assert (await outcome_of(asking))[0] == "invalid"


@pytest.mark.parametrize("body", [(), (b"\xc1",), (b"\x90",), (b"\x80", b"\x80"), (b"\x91" * 2000,)])
async def test_a_request_that_cannot_be_read_is_invalid(bus: ContractBus, body: tuple[bytes, ...]) -> None:
    async with bus.raw() as asker:
        await asker.hello("asker")
        asker.send(wire.RequestHeader(9, "app.ask", 1000), *body)
        failed, _ = await asker.next(wire.FailedHeader)
        assert (failed.id, failed.kind, failed.verb) == (9, "invalid", "REQUEST")


async def test_a_request_larger_than_the_limit_is_invalid_and_a_reply_larger_is_refused(
    bus: ContractBus,
) -> None:
    async with bus.connect() as server, bus.connect() as asker:
        await server.serve(
            [AskEvent],
            lambda request: request.reply(AnswerEvent(text="", filler=bytes(wire.BODY_LIMIT_BYTES))),
        )
        assert (
            await outcome_of(
                asyncio.ensure_future(asker.request(AskEvent(text="", filler=bytes(wire.BODY_LIMIT_BYTES))))
            )
        )[0] == "invalid"
        assert (await outcome_of(asyncio.ensure_future(asker.request(AskEvent(text="")))))[0] == "refused"
        assert server.welcomes == asker.welcomes == 1


async def test_a_request_and_a_reply_of_almost_16_mebibytes_arrive(bus: ContractBus) -> None:
    size_bytes = wire.BODY_LIMIT_BYTES - len(wire.encode(AskEvent(text="", filler=bytes(70_000)))) + 70_000
    async with bus.connect() as server, bus.connect() as asker:
        sizes: list[int] = []

        def answer(request: IncomingRequest) -> None:
            sizes.append(len(request.body))
            request.reply(AnswerEvent(text="", filler=bytes(size_bytes - 3)))

        await server.serve([AskEvent], answer)
        reply = await asker.request(AskEvent(text="", filler=bytes(size_bytes)), 30.0)
        assert len(reply.filler) == size_bytes - 3
        assert sizes == [wire.BODY_LIMIT_BYTES]
        assert server.welcomes == asker.welcomes == 1


async def test_whoever_stops_waiting_cancels_and_the_server_hears_it(bus: ContractBus) -> None:
    async with bus.connect() as server, bus.connect() as asker:
        held = Held()
        await server.serve([AskEvent], held)
        asking = asyncio.ensure_future(asker.request(AskEvent(text="?"), 30.0))
        await held.came.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert (await bus.statistics(asker)).pending_requests == 0
        await bus.statistics(server)
        assert held.requests[0].is_cancelled


async def test_an_asker_that_vanishes_cancels_too(bus: ContractBus) -> None:
    async with bus.connect() as server:
        held = Held()
        await server.serve([AskEvent], held)
        async with bus.raw() as asker:
            await asker.hello("asker")
            asker.send(wire.RequestHeader(1, "app.ask", 30_000), wire.encode(AskEvent(text="?")))
            await held.came.wait()
        while (await bus.statistics(server)).pending_requests:
            pass
        await bus.statistics(server)
        assert held.requests[0].is_cancelled


async def test_a_topic_has_one_server_and_refusing_the_second_harms_no_other_service(
    bus: ContractBus,
) -> None:
    async with bus.connect("first") as first, bus.connect("second") as second, bus.connect() as asker:
        await first.serve([AskEvent], lambda request: request.reply(AnswerEvent(text="first")))
        mine = asyncio.ensure_future(
            second.serve(["app.mine"], lambda request: request.reply(AnswerEvent(text="mine")))
        )
        taken = asyncio.ensure_future(
            second.serve([AskEvent], lambda request: request.reply(AnswerEvent(text="second")))
        )
        also = asyncio.ensure_future(
            second.serve(["app.also"], lambda request: request.reply(AnswerEvent(text="also")))
        )
        with pytest.raises(RequestFailed, match="duplicate_service"):
            await taken
        await mine
        await also
        assert (await asker.request(AskEvent(text="?"))).text == "first"
        assert (await asker.request_raw("app.also", {"type": "app.also"}))["text"] == "also"


async def test_serving_an_unknown_topic_is_refused(bus: ContractBus) -> None:
    async with bus.connect() as server:
        with pytest.raises(RequestFailed) as caught:
            await server.serve(["nowhere.asked"], lambda request: None)
        assert caught.value.kind == "invalid"
        await server.serve([RuntimeConfigRequestEvent], lambda request: None)


async def test_the_broker_itself_tells_what_it_counted(bus: ContractBus) -> None:
    async with bus.connect("asker") as asker:
        statistics = await bus.statistics(asker)
        assert [peer.peer for peer in statistics.peers] == ["asker"]
        assert statistics.epoch == asker.epoch
        assert statistics.refused == {}


async def test_a_peer_that_left_asks_and_serves_no_more(bus: ContractBus) -> None:
    async with bus.connect() as peer:
        peer.close()
        assert (await outcome_of(asyncio.ensure_future(peer.request(AskEvent(text="?")))))[0] == "died"
        with pytest.raises(RequestFailed, match="left the bus"):
            await peer.serve([AskEvent], lambda request: None)
