"""An answer that takes long does not hold up the inbox, and is still exactly one outcome.

How an actor lives on each kind of bus is proven in tests/contract/test_actors.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bus import actor as actor_module
from bus.actor import Actor, BusContext, FollowedTwice, Later
from bus.actor_loop import ActorLoop
from bus.broker.memory_bus import memory_bus
from bus.client import IncomingRequest, Peer
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


class StockEvent(Event, frozen=True, kw_only=True, tag="app.stock"):
    amount: int


class StockListedEvent(Event, frozen=True, kw_only=True, tag="app.stock_listed"):
    amount: int


class StockRequestEvent(Request[StockListedEvent], frozen=True, kw_only=True, tag="app.stock_list"):
    takes_turns: bool = False
    is_late: bool = False


class Store(Actor[StockRequestEvent]):
    """Changes while it answers, as the request wants."""

    amount = 0
    gate: asyncio.Event

    async def change(self, amount: int) -> None:
        self.amount = amount
        await self.peer.publish(StockEvent(amount=amount))

    async def handle(self, event: StockRequestEvent) -> StockListedEvent | Later:
        answer = StockListedEvent(amount=self.amount)

        async def later() -> StockListedEvent:
            await self.gate.wait()
            return answer

        if event.is_late:
            return self.answer_later(later)
        if event.takes_turns:
            await self.gate.wait()
        return answer


@asynccontextmanager
async def store() -> AsyncIterator[tuple[Store, Peer]]:
    built: list[Store] = []

    def build(context: BusContext) -> Store:
        built.append(Store(context))
        built[0].gate = asyncio.Event()
        return built[0]

    async with memory_bus() as bus, bus.connect("store") as own, bus.connect("reader") as reader:
        loop = ActorLoop(build, own)
        running = asyncio.create_task(loop.run())
        await loop.wait_until_ready()
        yield built[0], reader
        loop.stop()
        await running


async def test_an_answer_without_a_pause_holds_as_of_the_moment_when_it_is_made() -> None:
    async with store() as (actor, reader):
        await actor.change(1)
        await actor.peer.settled()
        newest = actor.peer.last_serial
        reply, place = await reader.request_with_place(StockRequestEvent())
        assert (reply.amount, place.source, place.epoch) == (1, "store", reader.epoch)
        async with reader.subscribe(StockEvent) as events:
            await actor.change(2)
            later = await events.received()
        assert later.sequence > place.sequence
        assert actor.peer.last_serial == newest + 1


@pytest.mark.parametrize(
    "request_event", [StockRequestEvent(takes_turns=True), StockRequestEvent(is_late=True)]
)
async def test_an_answer_that_takes_turns_says_no_more_than_when_it_began(
    request_event: StockRequestEvent,
) -> None:
    async with store() as (actor, reader), reader.subscribe(StockEvent) as events:
        asking = asyncio.create_task(reader.request_with_place(request_event))
        while not (actor.turn.locked() or len(actor._pending_answers)):
            await asyncio.sleep(0)
        await actor.change(5)
        await actor.peer.settled()
        changed = await events.received()
        actor.gate.set()
        reply, place = await asking
        assert reply.amount == 0, "it was made before the change"
        assert place.sequence < changed.sequence, "and does not claim to contain it"


class Watcher(Actor[QuickRequestEvent]):
    """Follows the store, beside an inbox of its own."""

    def __init__(self, context: BusContext) -> None:
        super().__init__(context)
        self.seen: list[int] = []
        self.is_prepared = False

    async def prepare(self) -> None:
        self.updates = await self.follow(StockRequestEvent(), StockEvent, into=self.learn)
        await asyncio.sleep(0)
        self.is_prepared = True

    async def learn(self, update: StockListedEvent | StockEvent) -> None:
        assert self.is_prepared, "not before it has prepared itself"
        assert self.turn.locked(), "never while a request is handled"
        self.seen.append(update.amount)

    async def handle(self, event: QuickRequestEvent) -> SlowReplyEvent:
        return SlowReplyEvent(words=",".join(map(str, self.seen)))


class TwiceWatcher(Actor[StockEvent]):
    async def prepare(self) -> None:
        await self.follow(StockRequestEvent(), StockEvent, into=self.handle)


async def test_an_actor_follows_another_one_beside_its_inbox() -> None:
    async with memory_bus() as bus, bus.connect("watcher") as own, bus.connect("store") as peer:
        amount = 3
        await peer.serve([StockRequestEvent], lambda request: request.reply(StockListedEvent(amount=amount)))
        built: list[Watcher] = []

        def build(context: BusContext) -> Watcher:
            built.append(Watcher(context))
            return built[0]

        loop = ActorLoop(build, own)
        running = asyncio.create_task(loop.run())
        await loop.wait_until_ready()
        actor = built[0]
        while actor.seen != [3]:
            await asyncio.sleep(0)
        amount = 4
        await peer.publish(StockEvent(amount=4))
        while actor.seen != [3, 4]:
            await asyncio.sleep(0)
        amount = 5
        await actor.updates.refreshed()
        assert actor.seen == [3, 4, 5]
        loop.stop()
        await running


async def test_an_event_is_followed_or_in_the_inbox_but_not_both() -> None:
    async with memory_bus() as bus, bus.connect("watcher") as own:
        with pytest.raises(BaseExceptionGroup) as caught:
            await ActorLoop(TwiceWatcher, own).run()
        assert caught.group_contains(FollowedTwice, match="it follows StockEvent, which its inbox names")


async def test_a_state_that_is_refused_is_asked_for_again_and_ends_no_actor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(actor_module, "REFUSED_PAUSE_SECONDS", 0.0)
    async with memory_bus() as bus, bus.connect("watcher") as own, bus.connect("store") as peer:
        refusals = ["not yet", "nor now"]

        def answer(request: IncomingRequest) -> None:
            if refusals:
                request.fail("refused", refusals.pop())
            else:
                request.reply(StockListedEvent(amount=9))

        await peer.serve([StockRequestEvent], answer)
        built: list[Watcher] = []

        def build(context: BusContext) -> Watcher:
            built.append(Watcher(context))
            return built[0]

        loop = ActorLoop(build, own)
        running = asyncio.create_task(loop.run())
        await loop.wait_until_ready()
        while built[0].seen != [9]:
            await asyncio.sleep(0)
        loop.stop()
        await running
