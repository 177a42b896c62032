"""A follower ends with the state of its server, over memory and sockets, with losses and restarts."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest

from bus.client import IncomingRequest, Peer
from bus.wire import HEARTBEAT_TOPIC
from tests.contract.conftest import ContractBus, OpenBus
from tests.support.broker_processes import GUARD_SECONDS
from tests.support.event_samples import AnswerEvent, AskEvent, StateEvent

pytestmark = pytest.mark.anyio
CHANGES = 300


class Counter:
    """A server whose state is one number, which it publishes at each change."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.value = 0
        self.late: list[tuple[IncomingRequest, AnswerEvent]] = []
        self.is_late = False

    async def open(self) -> None:
        await self.peer.serve([AskEvent], self._asked)

    async def change(self, value: int) -> None:
        self.value = value
        await self.peer.publish(StateEvent(key="k", value=value))

    def answer_late(self) -> None:
        for request, answer in self.late:
            request.reply(answer)
        self.late.clear()

    def _asked(self, request: IncomingRequest) -> None:
        answer = AnswerEvent(text=str(self.value))
        if self.is_late:
            self.late.append((request, answer))
        else:
            request.reply(answer)


class Mirror:
    """What a follower knows of the counter."""

    def __init__(self, peer: Peer) -> None:
        self.updates = peer.ask_then_follow(AskEvent(text="?"), StateEvent)
        self.value = -1
        self.replies = 0
        self.changed = asyncio.Event()

    async def run(self) -> None:
        async with self.updates:
            async for update in self.updates:
                self.replies += self.updates.is_reply
                self.value = int(update.text) if isinstance(update, AnswerEvent) else update.value
                self.changed.set()

    async def until(self, value: int) -> None:
        while self.value != value:
            self.changed.clear()
            await self.changed.wait()


async def mirrored(bus: ContractBus, stack: AsyncExitStack, **options: Any) -> Mirror:
    mirror = Mirror(await stack.enter_async_context(bus.connect("mirror", **options)))
    running = asyncio.ensure_future(mirror.run())
    stack.callback(running.cancel)
    return mirror


@pytest.mark.requirement("C-6")
async def test_replies_and_changes_in_any_order_end_with_the_newest(bus: ContractBus) -> None:
    async with AsyncExitStack() as stack, bus.connect("counter") as own:
        counter = Counter(own)
        await counter.open()
        mirror = await mirrored(bus, stack)
        await mirror.until(0)
        for value in range(1, CHANGES + 1):
            counter.is_late = value % 7 > 3
            await counter.change(value)
            if value % 5 == 0:
                mirror.updates.ask_again()
                await own.settled()  # both sockets get a turn
            if value % 11 == 0:
                counter.answer_late()
        counter.is_late = False
        counter.answer_late()
        await mirror.until(CHANGES)
        await counter.change(CHANGES + 1)
        await mirror.until(CHANGES + 1)
        assert mirror.replies > 1


async def test_what_the_feed_loses_for_good_is_made_up_for_by_a_fresh_reply(open_bus: OpenBus) -> None:
    async with open_bus(ring_limit_events=8) as bus, AsyncExitStack() as stack, bus.connect("counter") as own:
        losing = False
        transport = bus.lossy(lambda frames: losing and frames[0] != HEARTBEAT_TOPIC)
        counter = Counter(own)
        await counter.open()
        mirror = await mirrored(bus, stack, transport=transport)
        await mirror.until(0)
        replies = mirror.replies
        losing = True
        for value in range(1, 50):
            await counter.change(value)
        await own.settled()
        await mirror.until(49)
        assert mirror.replies >= replies


async def test_a_server_that_begins_anew_is_asked_again(bus: ContractBus) -> None:
    async with AsyncExitStack() as stack:
        async with bus.connect("counter") as own:
            counter = Counter(own)
            await counter.open()
            await counter.change(5)
            mirror = await mirrored(bus, stack)
            await mirror.until(5)
        async with bus.connect("counter") as own:
            counter = Counter(own)
            counter.value = 77  # and it publishes nothing about that
            await counter.open()
            await mirror.until(77)


async def test_a_broker_that_is_killed_leaves_the_state_right(bus: ContractBus) -> None:
    if bus.broker is None:
        pytest.skip("this bus has no process that could be killed")
    async with AsyncExitStack() as stack, bus.connect("counter") as own, asyncio.timeout(GUARD_SECONDS):
        counter = Counter(own)
        await counter.open()
        mirror = await mirrored(bus, stack)
        for value in range(1, 4):
            await counter.change(value)
            bus.broker.kill()
            counter.value = 10 * value  # and it publishes nothing about that
            bus.broker.start()
            await mirror.until(10 * value)
