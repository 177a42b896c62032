"""Publisher waits only when it has to, and never for ever."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bus import wire
from bus.errors import PublishRefused
from bus.peer.outbox import RUN_LIMIT_BYTES
from bus.peer.publisher import Publisher
from tests.support.event_samples import NumberedEvent

pytestmark = pytest.mark.anyio


def opened() -> tuple[Publisher, list[Any]]:
    sent: list[Any] = []
    publishing = Publisher(
        lambda frames: sent.append(wire.read_from_peer([bytes(frame) for frame in frames]))
    )
    publishing.welcomed("e", 0)
    return publishing, sent


async def test_the_first_event_of_a_turn_leaves_at_once_and_the_others_together() -> None:
    publishing, sent = opened()
    for n in range(5):
        publishing.post(NumberedEvent(n=n), None)
    assert [header.count for header in sent] == [1]
    await asyncio.sleep(0)
    assert [header.count for header in sent] == [1, 4]


async def test_what_is_posted_without_a_connection_leaves_with_the_next() -> None:
    publishing, sent = opened()
    publishing.disconnected()
    publishing.post(NumberedEvent(n=1), None)
    await asyncio.sleep(0)
    assert sent == []
    publishing.welcomed("e", 0)
    assert [header.serial for header in sent] == [1]


async def test_settled_is_when_all_is_accepted_and_a_refusal_is_told_once() -> None:
    publishing, sent = opened()
    publishing.post(NumberedEvent(n=1), None)
    waiting = asyncio.ensure_future(publishing.wait_until_settled())
    await asyncio.sleep(0)
    assert isinstance(sent[-1], wire.PingHeader)
    publishing.refused(1, "unknown_topic: there is none")
    with pytest.raises(PublishRefused, match="there is none"):
        await waiting
    await publishing.wait_until_settled()


async def test_whoever_waits_for_room_goes_on_when_there_is_some_or_hears_that_there_will_be_none() -> None:
    publishing, sent = opened()

    def fill() -> None:
        while publishing.outbox.has_room:
            publishing.post(NumberedEvent(n=1, filler=bytes(RUN_LIMIT_BYTES)), None)

    fill()
    waiting = asyncio.ensure_future(publishing.wait_for_room())
    await asyncio.sleep(0)
    assert not waiting.done()
    publishing.accepted(sent[-1].serial)
    await waiting
    fill()
    waiting = asyncio.ensure_future(publishing.wait_for_room())
    await asyncio.sleep(0)
    publishing.close()
    with pytest.raises(PublishRefused, match="left"):
        await waiting
    with pytest.raises(PublishRefused, match="left"):
        await publishing.wait_until_settled()
