"""Half a batch shows, and so does a number that was answered and is lost."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from actors.cli.demo.batch_writer import KEYS, BatchWriter
from actors.cli.demo.tour_report import NotProven
from bus.actor import Actor, BusContext
from bus.actor_loop import ActorLoop
from bus.broker.memory_bus import memory_bus
from bus.errors import Refused
from schemas.state import StateBatchSavedEvent, StateSaveBatchRequestEvent

pytestmark = pytest.mark.anyio


class ThreeBatches(Actor[StateSaveBatchRequestEvent]):
    """Takes three batches, and refuses the fourth."""

    def __init__(self, context: BusContext, values: dict[str, Any]) -> None:
        super().__init__(context)
        self.values = values

    async def handle(self, event: StateSaveBatchRequestEvent) -> StateBatchSavedEvent:
        if event.operations[0].value == 4:
            raise Refused("enough")
        self.values.update((operation.key, operation.value) for operation in event.operations)
        return StateBatchSavedEvent(revisions={})


async def test_it_counts_up_until_a_number_is_not_answered() -> None:
    writer, values = BatchWriter(), dict[str, Any]()
    async with memory_bus() as bus, bus.connect("state_store") as own, bus.connect("tour") as tour:
        loop: ActorLoop[Any] = ActorLoop(lambda context: ThreeBatches(context, values), own)
        running = asyncio.ensure_future(loop.run())
        while not any("state.save_batch" in peer.serves for peer in bus.core.statistics(0.0).peers):
            await asyncio.sleep(0)
        await asyncio.gather(writer.write(tour), writer.until(3))
        loop.stop()
        await running
    assert (writer.acknowledged, writer.tried) == (3, 4)
    assert writer.check(values) == 3


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (dict.fromkeys(KEYS, 7) | {KEYS[3]: 8}, "half a batch"),
        (dict.fromkeys(KEYS[1:], 7), "half a batch"),
        (dict.fromkeys(KEYS, 6), "expected 7 or 8, found 6"),
        ({}, "found None"),
    ],
)
def test_what_is_torn_or_lost_is_said(found: dict[str, Any], words: str) -> None:
    writer = BatchWriter()
    writer.acknowledged, writer.tried = 7, 8
    with pytest.raises(NotProven, match=words):
        writer.check(found)
    assert writer.check(dict.fromkeys(KEYS, 8)) == 8, "one that was not answered may be there all the same"
