"""An answer that takes long does not hold up the inbox, and is still exactly one outcome."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bus.actor import Actor, ActorLoop, Later
from bus.client import Peer
from bus.errors import Refused, RequestFailed
from bus.transport.memory_bus import memory_bus
from schemas.event import Event, Request

pytestmark = pytest.mark.anyio


class SlowReplyEvent(Event, frozen=True, kw_only=True, tag="app.slow_reply"):
    words: str


class SlowRequestEvent(Request[SlowReplyEvent], frozen=True, kw_only=True, tag="app.slow"):
    is_refused: bool = False


class QuickRequestEvent(Request[SlowReplyEvent], frozen=True, kw_only=True, tag="app.quick"):
    pass


class Librarian(Actor[SlowRequestEvent | QuickRequestEvent]):
    def __init__(self) -> None:
        self.found = asyncio.Event()

    async def handle(self, event: SlowRequestEvent | QuickRequestEvent) -> SlowReplyEvent | Later:
        if isinstance(event, QuickRequestEvent):
            return SlowReplyEvent(words="quick")

        async def work() -> SlowReplyEvent:
            await self.found.wait()
            if event.is_refused:
                raise Refused("not in the catalogue")
            return SlowReplyEvent(words="slow")

        return Later(work)


@asynccontextmanager
async def library() -> AsyncIterator[
    tuple[Librarian, ActorLoop[SlowRequestEvent | QuickRequestEvent], Peer, asyncio.Task[None]]
]:
    async with memory_bus() as bus, bus.connect("librarian") as own, bus.connect("reader") as reader:
        actor = Librarian()
        loop = ActorLoop(actor, own)
        running = asyncio.create_task(loop.run())
        while not any("app.quick" in peer.serves for peer in bus.routing.statistics(0.0).peers):
            await asyncio.sleep(0)
        yield actor, loop, reader, running
        loop.stop()
        await running


@pytest.mark.parametrize("is_refused", [False, True])
async def test_other_requests_are_answered_while_one_takes_long(is_refused: bool) -> None:
    async with library() as (actor, _, reader, _running):
        slow = asyncio.create_task(reader.request(SlowRequestEvent(is_refused=is_refused)))
        assert (await reader.request(QuickRequestEvent())).words == "quick"
        assert not slow.done()
        actor.found.set()
        if is_refused:
            with pytest.raises(RequestFailed, match="not in the catalogue"):
                await slow
        else:
            assert (await slow).words == "slow"


async def test_whoever_waits_is_told_when_the_actor_is_restarted_before_the_answer_is_there() -> None:
    async with library() as (_, loop, reader, running):
        slow = asyncio.create_task(reader.request(SlowRequestEvent()))
        assert (await reader.request(QuickRequestEvent())).words == "quick"
        loop.stop(returning=True)
        with pytest.raises(RequestFailed) as caught:
            await slow
        assert caught.value.kind == "restarting"
        await running
