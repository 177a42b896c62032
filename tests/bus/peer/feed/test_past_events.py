"""What the broker keeps of one matter is read across all topics, in order and nothing else."""

from __future__ import annotations

import pytest

from bus.broker.memory_bus import memory_bus
from bus.client import correlation
from schemas.config import SettingsChangedEvent
from schemas.operations.supervision import SupervisorStoppingEvent

pytestmark = pytest.mark.anyio


async def test_a_matter_is_read_from_event_to_event() -> None:
    async with memory_bus() as bus, bus.connect("supervisor") as one, bus.connect("config_store") as other:
        for number in range(300):
            matter = "note-1" if number % 100 == 0 else None
            correlation.set(matter)
            await one.publish(SupervisorStoppingEvent(reason=str(number)))
            await one.settled()
            if matter:
                await other.publish(
                    SettingsChangedEvent(revision=number, settings={}, changed={}, reason="update")
                )
                await other.settled()
        correlation.set(None)
        found = await one.past("note-1")
    assert [received.topic for received in found] == [
        "supervision.stopping",
        "config.settings_changed",
    ] * 3
    assert [received.source for received in found] == ["supervisor", "config_store"] * 3
    assert [received.sequence for received in found] == sorted(received.sequence for received in found)
    assert {received.correlation for received in found} == {"note-1"}
    assert [received.event["reason"] for received in found[::2]] == ["0", "100", "200"]  # type: ignore[index]


async def test_of_a_matter_that_never_was_there_is_nothing() -> None:
    async with memory_bus() as bus, bus.connect("supervisor") as peer:
        await peer.publish(SupervisorStoppingEvent(reason="x"))
        await peer.settled()
        assert await peer.past("note-1") == []
