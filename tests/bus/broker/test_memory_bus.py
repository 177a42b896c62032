"""The bus without sockets. tests/contract proves that it keeps the promises of the bus."""

from __future__ import annotations

import pytest

from bus.broker.memory_bus import memory_bus
from bus.errors import RequestFailed
from tests.support.event_samples import AnswerEvent, AskEvent, NumberedEvent

pytestmark = pytest.mark.anyio


async def test_peers_of_one_bus_hear_and_ask_each_other() -> None:
    async with memory_bus() as bus, bus.connect("a") as a, bus.connect("b") as b:
        await b.serve([AskEvent], lambda request: request.reply(AnswerEvent(text="yes")))
        async with b.subscribe(NumberedEvent) as events:
            await a.publish(NumberedEvent(n=1))
            assert await anext(events) == NumberedEvent(n=1)
        assert (await a.request(AskEvent(text="?"))).text == "yes"


async def test_two_buses_know_nothing_of_each_other() -> None:
    async with (
        memory_bus() as one,
        memory_bus() as other,
        one.connect("same") as a,
        other.connect("same") as b,
    ):
        await b.serve([AskEvent], lambda request: request.reply(AnswerEvent(text="yes")))
        assert a.epoch != b.epoch
        with pytest.raises(RequestFailed, match="no_responder"):
            await a.request(AskEvent(text="?"))


async def test_a_peer_that_leaves_is_forgotten() -> None:
    async with memory_bus() as bus:
        async with bus.connect("guest"):
            assert len(bus.core.routes()) == 1
        async with bus.connect("guest") as again:
            assert again.welcomes == 1


async def test_namespaces_and_ring_are_as_told() -> None:
    async with memory_bus(["mine.*"], ring_limit_events=3) as bus, bus.connect() as peer:
        for n in range(10):
            await peer.publish(NumberedEvent(n=n))
            await peer.settled()
        assert bus.core.event_log.ring_events <= 3
        await peer.serve(["mine.asked"], lambda request: None)
