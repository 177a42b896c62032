"""An answer that takes long does not hold up the inbox, and is still exactly one outcome.

How an actor lives on each kind of bus is proven in tests/contract/test_actors.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bus.actor import Actor, BusContext, Later
from bus.actor_loop import ActorLoop
from bus.broker.memory_bus import memory_bus
from bus.client import Peer
from bus.errors import Refused, RequestFailed
from schemas.event import Event, Request

pytestmark = pytest.mark.anyio


class SlowReplyEvent(Event, frozen=True, kw_only=True, tag="app.slow_reply"):
    words: str


class SlowRequestEvent(Request[SlowReplyEvent], frozen=True, kw_only=True, tag="app.slow"):
    is_refused: bool = False
    is_counted: bool = False


class QuickRequestEvent(Request[SlowReplyEvent], frozen=True, kw_only=True, tag="app.quick"):
    pass


Inbox = SlowRequestEvent | QuickRequestEvent


class Librarian(Actor[Inbox]):
    def __init__(self, context: BusContext) -> None:
        super().__init__(context)
        self.found = asyncio.Event()
        self.closing = asyncio.Event()
        self.log: list[str] = []

    async def handle(self, event: Inbox) -> SlowReplyEvent | Later:
        if isinstance(event, QuickRequestEvent):
            return SlowReplyEvent(words="quick")

        async def work() -> SlowReplyEvent:
            await self.found.wait()
            if event.is_refused:
                raise Refused("not in the catalogue")
            self.log.append("found")
            return SlowReplyEvent(words="slow")

        return self.answer_later(work) if event.is_counted else Later(work)

    async def close(self) -> None:
        self.log.append("closing")
        self.closing.set()


class Archivist(Librarian):
    """Needs its shelves for the answers, and closes them after the last one."""

    async def close(self) -> None:
        await super().close()
        await self.answered()
        self.log.append("closed")


@asynccontextmanager
async def library(
    kind: type[Librarian] = Librarian,
) -> AsyncIterator[tuple[Librarian, ActorLoop[Inbox], Peer, asyncio.Task[None]]]:
    built: list[Librarian] = []

    def build(context: BusContext) -> Librarian:
        built.append(kind(context))
        return built[0]

    async with memory_bus() as bus, bus.connect("librarian") as own, bus.connect("reader") as reader:
        loop = ActorLoop(build, own)
        running = asyncio.create_task(loop.run())
        await loop.wait_until_ready()
        yield built[0], loop, reader, running
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


async def test_a_plain_late_answer_is_abandoned_when_the_actor_is_restarted() -> None:
    async with library() as (_, loop, reader, running):
        slow = asyncio.create_task(reader.request(SlowRequestEvent()))
        assert (await reader.request(QuickRequestEvent())).words == "quick"
        loop.stop(returning=True)
        with pytest.raises(RequestFailed) as caught:
            await slow
        assert caught.value.kind == "restarting"
        await running


@pytest.mark.parametrize("is_refused", [False, True])
@pytest.mark.parametrize(
    ("kind", "after"), [(Librarian, []), (Archivist, ["closed"])], ids=["after close", "within close"]
)
async def test_an_actor_gives_the_answers_that_it_counts_before_it_stops(
    kind: type[Librarian], after: list[str], is_refused: bool
) -> None:
    async with library(kind) as (actor, loop, reader, running):
        asked = SlowRequestEvent(is_counted=True, is_refused=is_refused)
        slow = [asyncio.create_task(reader.request(asked)) for _ in range(2)]
        assert (await reader.request(QuickRequestEvent())).words == "quick"
        loop.stop()
        await actor.closing.wait()
        assert not any(task.done() for task in slow), "the answers wait, and the actor waits for them"
        actor.found.set()
        await running
        if is_refused:
            for task in slow:
                with pytest.raises(RequestFailed, match="not in the catalogue"):
                    await task
        else:
            assert [(await task).words for task in slow] == ["slow", "slow"]
        assert actor.log == ["closing", *([] if is_refused else ["found", "found"]), *after]


async def test_an_actor_counts_an_answer_until_the_reply_has_left() -> None:
    """What the work published last holds up the reply, not the count alone."""
    async with library(Archivist) as (actor, loop, reader, running):
        actor.found.set()
        sent, may_go_on = actor.peer.sent, asyncio.Event()

        async def sent_late() -> None:
            if "found" in actor.log:
                await may_go_on.wait()
            await sent()

        actor.peer.sent = sent_late  # type: ignore[method-assign]  # the moment between work and reply
        slow = asyncio.create_task(reader.request(SlowRequestEvent(is_counted=True)))
        while "found" not in actor.log:
            await asyncio.sleep(0)
        loop.stop()
        await actor.closing.wait()
        for _ in range(10):
            await asyncio.sleep(0)
        assert actor.log == ["found", "closing"]
        may_go_on.set()
        assert (await slow).words == "slow"
        await running
        assert actor.log == ["found", "closing", "closed"]


async def test_a_loop_is_ready_once_its_actor_has_prepared_itself() -> None:
    class Sleeper(Librarian):
        awake = asyncio.Event()

        async def prepare(self) -> None:
            await self.awake.wait()

    async with memory_bus() as bus, bus.connect("sleeper") as own, bus.connect() as reader:
        loop = ActorLoop(Sleeper, own)
        running = asyncio.create_task(loop.run())
        ready = asyncio.create_task(loop.wait_until_ready())
        with pytest.raises(RequestFailed, match="no_responder"):
            await reader.request(QuickRequestEvent())
        assert not ready.done()
        Sleeper.awake.set()
        await ready
        assert (await reader.request(QuickRequestEvent())).words == "quick"
        loop.stop()
        await running


@pytest.mark.parametrize("error", [SystemExit("the licence file is missing"), ValueError("no good")])
async def test_what_ends_the_building_of_an_actor_arrives_as_it_is(error: BaseException) -> None:
    def build(context: BusContext) -> Librarian:
        raise error

    async with memory_bus() as bus, bus.connect("library") as own:
        with pytest.raises(type(error)) as caught:
            await ActorLoop(build, own).run()
    assert caught.value is error
