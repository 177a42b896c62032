"""Publishing waits only when it has to, and never for ever."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bus import wire
from bus.errors import PublishRefused
from bus.peer.lane.outbox import RUN_LIMIT_BYTES
from bus.peer.lane.publisher import Publisher
from tests.support.event_samples import NumberedEvent

pytestmark = pytest.mark.anyio


def opened() -> tuple[Publisher, list[Any]]:
    sent: list[Any] = []
    publisher = Publisher(lambda frames: sent.append(wire.read_from_peer([bytes(frame) for frame in frames])))
    publisher.welcomed("e", 0)
    return publisher, sent


async def test_the_first_event_of_a_turn_leaves_at_once_and_the_others_together() -> None:
    publisher, sent = opened()
    for n in range(5):
        publisher.post(NumberedEvent(n=n), None)
    assert [header.count for header in sent] == [1]
    await asyncio.sleep(0)
    assert [header.count for header in sent] == [1, 4]


async def test_what_is_posted_without_a_connection_leaves_with_the_next() -> None:
    publisher, sent = opened()
    publisher.disconnected()
    publisher.post(NumberedEvent(n=1), None)
    await asyncio.sleep(0)
    assert sent == []
    publisher.welcomed("e", 0)
    assert [header.serial for header in sent] == [2]


async def test_settled_is_when_all_is_accepted_and_a_refusal_is_told_once() -> None:
    publisher, sent = opened()
    publisher.post(NumberedEvent(n=1), None)
    waiting = asyncio.ensure_future(publisher.wait_until_settled())
    await asyncio.sleep(0)
    assert isinstance(sent[-1], wire.PingHeader)
    publisher.refused(2, "unknown_topic: there is none")
    with pytest.raises(PublishRefused, match="there is none"):
        await waiting
    await publisher.wait_until_settled()


async def test_whoever_waits_for_room_goes_on_when_there_is_some_or_hears_that_there_will_be_none() -> None:
    publisher, sent = opened()

    def fill() -> None:
        while publisher.outbox.has_room:
            publisher.post(NumberedEvent(n=1, filler=bytes(RUN_LIMIT_BYTES)), None)

    fill()
    waiting = asyncio.ensure_future(publisher.wait_for_room())
    await asyncio.sleep(0)
    assert not waiting.done()
    publisher.accepted(sent[-1].serial)
    await waiting
    fill()
    waiting = asyncio.ensure_future(publisher.wait_for_room())
    await asyncio.sleep(0)
    publisher.close()
    with pytest.raises(PublishRefused, match="left"):
        await waiting
    with pytest.raises(PublishRefused, match="left"):
        await publisher.wait_until_settled()
