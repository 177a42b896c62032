"""A reply first, then what is not in it, and a fresh reply whenever the last one no longer counts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bus.broker.memory_bus import MemoryBus, memory_bus
from bus.client import Peer
from bus.errors import RequestFailed
from bus.peer.feed.epoch_succession import EpochSuccession
from bus.peer.feed.follower import Follower
from bus.peer.feed.merge_order import Place
from bus.peer.feed.ordering import Deliver, Lost
from bus.peer.feed.subscription import Subscription
from bus.peer.feed.topic_decoders import TopicDecoders
from bus.wire import Run, encode
from schemas.operations.bus import PeerJoinedEvent, PeerLeftEvent
from tests.support.event_samples import AnswerEvent, AskEvent, NumberedEvent, StateEvent

pytestmark = pytest.mark.anyio


class QuietSource:
    """A source that does nothing: the test queues what comes."""

    async def join(self, subscription: Subscription[Any]) -> None:
        subscription.begin([], 0, "e")

    def leave(self, subscription: Subscription[Any]) -> None: ...

    def caught_up(self) -> None: ...

    def heard(self, topic: str) -> None: ...


class Lab:
    """A follower whose two sockets are the test: `replies` for the lane, `brings` for the feed."""

    def __init__(self, *, always: tuple[str, ...] = ()) -> None:
        self.epochs = EpochSuccession()
        self.epochs.note("e")
        self.asked = 0
        self._outcome: asyncio.Future[tuple[AnswerEvent, Place]] | None = None
        self.events: Subscription[Any] = Subscription(QuietSource(), ["app.*", "bus.*"], TopicDecoders())
        self.follower: Follower[AnswerEvent, Any] = Follower(
            self._ask, self.events, ["app.*"], self.epochs, always=always, pauses=[0]
        )

    async def _ask(self) -> tuple[AnswerEvent, Place]:
        self.asked += 1
        self._outcome = asyncio.get_running_loop().create_future()
        return await self._outcome

    async def replies(self, text: str, sequence: int, epoch: str = "e") -> None:
        found = AnswerEvent(text=text), Place(epoch, sequence, "s")
        await self._ended(lambda: self._wait().set_result(found))

    async def fails(self, kind: Any) -> None:
        await self._ended(lambda: self._wait().set_exception(RequestFailed(kind, "no")))

    def _wait(self) -> asyncio.Future[tuple[AnswerEvent, Place]]:
        assert self._outcome is not None
        outcome, self._outcome = self._outcome, None
        return outcome

    async def _ended(self, end: Callable[[], None]) -> None:
        while self._outcome is None:
            await asyncio.sleep(0)
        end()

    def brings(self, event: Any, sequence: int, source: str = "s", topic: str = "app.state") -> None:
        run = Run("e", sequence, sequence, 1, 0, source, "i", sequence, None, "matter")
        self.events.take(Deliver(topic, run, encode([event])))

    def loses(self) -> None:
        self.events.take(Lost("app.state", 3, beyond_ring=True))


def state(value: int) -> dict[str, Any]:
    return {"type": "app.state", "key": "k", "value": value}


@asynccontextmanager
async def lab(**options: Any) -> AsyncIterator[Lab]:
    made = Lab(**options)
    async with made.follower:
        yield made


async def next_of(made: Lab, *meanwhile: Awaitable[None]) -> Any:
    found, *_ = await asyncio.gather(anext(made.follower), *meanwhile)
    return found.text if isinstance(found, AnswerEvent) else found["value"]


async def test_what_came_before_the_reply_and_is_in_it_is_left_out() -> None:
    async with lab() as made:
        for sequence in (1, 2, 3, 4):
            made.brings(state(sequence), sequence)
        assert await next_of(made, made.replies("as of 2", 2)) == "as of 2"
        assert made.follower.is_reply
        assert made.follower.correlation is None
        assert [await next_of(made), await next_of(made)] == [3, 4]
        assert not made.follower.is_reply
        assert made.follower.correlation == "matter"
        assert made.asked == 1


async def test_events_of_other_peers_come_after_the_reply_and_what_is_counted_is_never_left_out() -> None:
    async with lab(always=("app.counted",)) as made:
        made.brings(state(1), 1, source="another")
        made.brings({"value": 2}, 2, topic="app.counted")
        made.brings(state(3), 3)
        assert await next_of(made, made.replies("as of 3", 3)) == "as of 3"
        assert [await next_of(made), await next_of(made)] == [1, 2]


async def test_after_a_gap_a_fresh_reply_comes_in_place_of_what_was_lost() -> None:
    async with lab() as made:
        await next_of(made, made.replies("first", 1))
        made.brings(state(2), 2)
        made.loses()
        made.brings(state(6), 6)
        made.brings(state(9), 9)
        assert await next_of(made) == 2
        assert await next_of(made, made.replies("second", 8)) == "second"
        assert await next_of(made) == 9


async def test_a_gap_that_a_reply_makes_up_for_is_no_reason_to_ask_again() -> None:
    async with lab() as made:
        made.loses()
        await next_of(made, made.replies("after the loss", 5))
        made.brings(state(6), 6)
        assert await next_of(made) == 6
        assert made.asked == 1


async def test_an_event_that_cannot_be_read_has_the_state_told_anew() -> None:
    async with lab() as made:
        await next_of(made, made.replies("first", 1))
        made.brings(5, 2)
        assert await next_of(made, made.replies("second", 2)) == "second"


@pytest.mark.parametrize(
    ("kind", "more"), [(PeerJoinedEvent, {}), (PeerLeftEvent, {"said_bye": True})], ids=["comes", "goes"]
)
async def test_when_the_server_comes_or_goes_it_asks_again(kind: Any, more: dict[str, Any]) -> None:
    async with lab() as made:
        await next_of(made, made.replies("first", 1))
        topic = kind.__struct_config__.tag
        made.brings(kind(peer="another", instance="i", **more), 2, "broker", topic)
        made.brings(kind(peer="s", instance="i", **more), 3, "broker", topic)
        assert await next_of(made, made.replies("second", 4)) == "second"
        assert made.asked == 2


async def test_while_nobody_answers_it_goes_on_asking_and_a_refusal_is_raised() -> None:
    async with lab() as made:

        async def answers() -> None:
            for kind in ("no_responder", "restarting", "died", "deadline", "busy"):
                await made.fails(kind)
            await made.replies("at last", 1)

        assert await next_of(made, answers()) == "at last"
        made.follower.ask_again()
        with pytest.raises(RequestFailed, match="refused"):
            await next_of(made, made.fails("refused"))
        assert await next_of(made, made.replies("after all", 1)) == "after all"


async def test_a_wait_that_is_given_up_loses_neither_reply_nor_event() -> None:
    async with lab() as made:
        waiting = asyncio.ensure_future(anext(made.follower))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert await next_of(made, made.replies("first", 1)) == "first"
        waiting = asyncio.ensure_future(anext(made.follower))
        await asyncio.sleep(0)
        waiting.cancel()
        made.brings(state(2), 2)
        await asyncio.gather(waiting, return_exceptions=True)
        assert await next_of(made) == 2


async def test_a_fresh_reply_can_be_had_and_waited_for_until_it_was_dealt_with() -> None:
    async with lab() as made:
        taken: list[str] = []

        async def iterate() -> None:
            async for update in made.follower:
                await asyncio.sleep(0)  # it takes a while
                taken.append(update.text)

        iterating = asyncio.ensure_future(iterate())
        await made.replies("first", 1)
        refreshing = asyncio.ensure_future(made.follower.refreshed())
        await made.replies("second", 1)
        await refreshing
        assert taken == ["first", "second"]
        made.follower.close()
        await iterating


async def test_closing_ends_the_iteration_and_whoever_waits_for_a_fresh_reply() -> None:
    async with lab() as made:
        await next_of(made, made.replies("first", 1))
        waiting = asyncio.ensure_future(made.follower.refreshed())
        await asyncio.sleep(0)
        made.follower.close()
        await waiting
        with pytest.raises(StopAsyncIteration):
            await next_of(made, made.fails("died"))


class Shop:
    """A server with a state, over a bus."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.value = 0

    async def open(self) -> None:
        await self.peer.serve([AskEvent], lambda request: request.reply(AnswerEvent(text=str(self.value))))

    async def change(self, value: int) -> None:
        self.value = value
        await self.peer.publish(StateEvent(key="k", value=value))


async def until(updates: Follower[AnswerEvent, StateEvent], wanted: int) -> None:
    """Merge until the state is the wanted one."""
    async for update in updates:
        if (int(update.text) if isinstance(update, AnswerEvent) else update.value) == wanted:
            return


async def shop_of(bus: MemoryBus, stack: Any, name: str = "shop") -> Shop:
    shop = Shop(await stack.enter_async_context(bus.connect(name)))
    await shop.open()
    return shop


async def test_over_a_bus_it_follows_changes_and_a_server_that_begins_anew() -> None:
    async with memory_bus() as bus, bus.connect("app") as app, asyncio.timeout(20):
        async with bus.connect("shop") as own:
            shop = Shop(own)
            await shop.change(1)
            await shop.open()
            updates = await app.ask_then_follow(AskEvent(text="?"), StateEvent).__aenter__()
            await until(updates, 1)
            await shop.change(2)
            await until(updates, 2)
        async with bus.connect("shop") as own:
            shop = Shop(own)
            shop.value = 3  # and it publishes nothing about that
            await shop.open()
            await until(updates, 3)
        updates.close()


async def test_a_typed_follower_hands_on_what_is_counted_beside_the_state() -> None:
    async with memory_bus() as bus, bus.connect("app") as app, bus.connect("shop") as own:
        shop = Shop(own)
        await shop.open()
        follow = app.ask_then_follow(AskEvent(text="?"), StateEvent, always=[NumberedEvent])
        async with follow as updates, asyncio.timeout(20):
            await own.publish(NumberedEvent(n=1))
            await own.settled()
            assert [await anext(updates), await anext(updates)] == [AnswerEvent(text="0"), NumberedEvent(n=1)]
