"""The asyncio client against a real broker: types, failures and ends of waits."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.support.broker_processes import GUARD_SECONDS, BrokerProcess
from undercroft_client import ClientError, Event, PublishRefused, Refused, Request, RequestFailed, Runtime
from undercroft_client.aio import connect
from undercroft_client.base_client import QUEUE_LIMIT_EVENTS

pytestmark = pytest.mark.anyio


class EchoedEvent(Event, frozen=True, kw_only=True, tag="app.echoed"):
    text: str


class EchoEvent(Request[EchoedEvent], frozen=True, kw_only=True, tag="app.echo"):
    text: str


@pytest.mark.requirement("C-6")
async def test_requests_are_answered_at_the_same_time(runtime: Runtime) -> None:
    async with connect("server", runtime=runtime) as server, connect(runtime=runtime) as client:
        both = asyncio.Barrier(2)

        async def answer(request: EchoEvent) -> EchoedEvent:
            await both.wait()
            return EchoedEvent(text=request.text)

        await server.serve(EchoEvent, answer)
        replies = await asyncio.gather(
            client.request(EchoEvent(text="a")), client.request(EchoEvent(text="b"))
        )
        assert replies == [EchoedEvent(text="a"), EchoedEvent(text="b")]


def refuse(request: Any) -> Any:
    raise Refused("not today")


@pytest.mark.parametrize(
    ("answer", "kind"), [(refuse, "refused"), (lambda request: {"type": "app.echoed", "text": 7}, "invalid")]
)
async def test_a_handler_that_does_not_answer_fails_the_request(
    runtime: Runtime, answer: Any, kind: str
) -> None:
    async with connect("server", runtime=runtime) as server, connect(runtime=runtime) as client:
        await server.serve(EchoEvent, answer)
        with pytest.raises(RequestFailed) as caught:
            await client.request(EchoEvent(text="hello"))
        assert caught.value.kind == kind


async def test_what_cannot_be_read_by_its_server_is_invalid(runtime: Runtime) -> None:
    async with connect("server", runtime=runtime) as server, connect(runtime=runtime) as client:
        await server.serve(EchoEvent, lambda request: EchoedEvent(text="fine"))
        with pytest.raises(RequestFailed) as caught:
            await client.request({"type": "app.echo", "text": 7})
        assert caught.value.kind == "invalid"


@pytest.mark.requirement("C-5")
async def test_a_subscriber_that_lags_behind_a_flood_misses_nothing(runtime: Runtime) -> None:
    async with (
        asyncio.timeout(GUARD_SECONDS),
        connect(runtime=runtime) as client,
        connect(runtime=runtime) as publisher,
    ):
        count = QUEUE_LIMIT_EVENTS * 2
        async with await client.subscribe("app.n") as events:
            await publisher.publish(
                *({"type": "app.n", "n": n} for n in range(count)), timeout_seconds=GUARD_SECONDS
            )
            assert [(await events.next())["n"] for _ in range(count)] == list(range(count))


async def test_a_request_that_is_cancelled_is_cancelled_at_its_server(runtime: Runtime) -> None:
    async with connect("server", runtime=runtime) as server, connect(runtime=runtime) as client:
        came, never = asyncio.Event(), asyncio.Event()

        async def answer(request: EchoEvent) -> EchoedEvent:
            came.set()
            await never.wait()
            return EchoedEvent(text="")

        await server.serve(EchoEvent, answer)
        asking = asyncio.ensure_future(client.request(EchoEvent(text="?"), 30.0))
        await came.wait()
        asking.cancel()
        while (await client.request({"type": "bus.statistics"}))["pending_requests"]:
            pass


async def test_closing_ends_whatever_waits(broker: BrokerProcess, runtime: Runtime) -> None:
    async with connect(runtime=runtime) as client:
        events = await client.subscribe("app.*")
        hearing = asyncio.ensure_future(anext(events, None))
        broker.kill()
        await client.wait_for(lambda: not client.is_connected)
        asking = asyncio.ensure_future(client.request({"type": "app.ask"}, 30.0))
        publishing = asyncio.ensure_future(client.publish({"type": "app.n"}))
        await asyncio.sleep(0)
        await client.close()
        with pytest.raises(RequestFailed) as failed:
            await asking
        assert failed.value.kind == "died"
        with pytest.raises(PublishRefused) as refused:
            await publishing
        assert refused.value.reason == "left"
        assert await hearing is None
        with pytest.raises(ClientError):
            await client.subscribe("app.*")


async def test_leaving_a_subscription_ends_its_loop(runtime: Runtime) -> None:
    async with connect(runtime=runtime) as client:
        events = await client.subscribe("app.*")
        hearing = asyncio.ensure_future(anext(events, None))
        await asyncio.sleep(0)
        events.close()
        assert await hearing is None


async def test_asking_then_following_hands_on_replies_and_events(runtime: Runtime) -> None:
    async with connect("server", runtime=runtime) as server, connect(runtime=runtime) as client:

        async def answer(request: EchoEvent) -> EchoedEvent:
            await server.publish({"type": "app.n", "n": 1})
            return EchoedEvent(text=request.text)

        await server.serve(EchoEvent, answer)
        changes = client.ask_then_follow(EchoEvent(text="hello"), "app.*")
        first = await anext(changes)
        assert (first.kind, first.event) == ("reply", EchoedEvent(text="hello"))
        await server.publish({"type": "app.n", "n": 2})
        found = [(await anext(changes)).event["n"]]
        if found == [1]:  # the handler said that its reply holds as of its beginning
            found.append((await anext(changes)).event["n"])
        assert found[-1] == 2
        await changes.aclose()


async def test_following_without_a_server_fails_as_asking_does(runtime: Runtime) -> None:
    async with connect(runtime=runtime) as client:
        with pytest.raises(RequestFailed) as failed:
            await anext(client.ask_then_follow(EchoEvent(text="?"), "app.*"))
        assert failed.value.kind == "no_responder"


async def test_closing_the_client_ends_what_is_followed(runtime: Runtime) -> None:
    async with connect("server", runtime=runtime) as server, connect(runtime=runtime) as client:
        await server.serve(EchoEvent, lambda request: EchoedEvent(text=request.text))
        changes = client.ask_then_follow(EchoEvent(text="hello"), "app.*")
        await anext(changes)
        hearing = asyncio.ensure_future(anext(changes, None))
        await asyncio.sleep(0)
        await client.close()
        assert await hearing is None


async def test_handlers_carry_the_matter_of_their_request(runtime: Runtime) -> None:
    async with connect("server", runtime=runtime) as server, connect(runtime=runtime) as client:
        events = await client.subscribe("app.n")

        async def answer(request: EchoEvent) -> EchoedEvent:
            await server.publish({"type": "app.n", "text": request.text})
            return EchoedEvent(text="done")

        await server.serve(EchoEvent, answer)
        await asyncio.gather(
            *(client.request(EchoEvent(text=id), correlation=id) for id in ("first", "second"))
        )
        assert all([(await events.next())["text"] == events.correlation for _ in range(2)])
