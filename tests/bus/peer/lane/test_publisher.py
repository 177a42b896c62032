"""Publishing waits only when it has to, and never for ever."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bus import wire
from bus.errors import PublishRefused
from bus.peer.lane import publisher as publisher_module
from bus.peer.lane.outbox import RUN_LIMIT_BYTES
from bus.peer.lane.publisher import BEHIND_LIMIT_EVENTS, Publisher
from tests.support.event_samples import NumberedEvent, StateEvent

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


async def test_after_a_leap_what_is_under_way_goes_out_again() -> None:
    publisher, sent = opened()
    publisher.post(NumberedEvent(n=1), "a")
    publisher.post(NumberedEvent(n=2), "b")
    publisher.flush()
    publisher.refused(2, "leap: a message is missing before this one")
    publisher.refused(3, "leap: a message is missing before this one")
    assert [(header.serial, header.again) for header in sent] == [
        (2, False),
        (3, False),
        (2, True),
        (3, True),
    ]
    publisher.accepted(3)
    await publisher.wait_until_settled()


async def test_a_withdrawal_leaves_at_once_behind_what_was_published() -> None:
    publisher, sent = opened()
    publisher.post(StateEvent(key="k", value=1), None)
    publisher.withdraw("app.state", "k", "matter")
    assert [(h.topic, h.count, h.key, h.correlation) for h in sent] == [
        ("app.state", 1, "k", None),
        ("app.state", 0, "k", "matter"),
    ]


async def test_a_publisher_waits_while_a_subscriber_is_far_behind_but_not_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    publisher, _ = opened()
    await publisher.wait_for_subscribers()
    publisher.accepted(0, BEHIND_LIMIT_EVENTS + 1)
    assert publisher.behind == BEHIND_LIMIT_EVENTS + 1
    waiting = asyncio.ensure_future(publisher.wait_for_subscribers())
    await asyncio.sleep(0)
    publisher.accepted(0)
    await asyncio.sleep(0)
    assert not waiting.done(), "a PONG says nothing about subscribers"
    publisher.accepted(0, BEHIND_LIMIT_EVENTS)
    await waiting
    publisher.accepted(0, BEHIND_LIMIT_EVENTS + 1)
    monkeypatch.setattr(publisher_module, "BEHIND_WAIT_SECONDS", 0.0)
    await publisher.wait_for_subscribers()


async def test_a_publisher_that_waits_for_subscribers_hears_that_its_peer_has_left() -> None:
    publisher, _ = opened()
    publisher.accepted(0, BEHIND_LIMIT_EVENTS + 1)
    waiting = asyncio.ensure_future(publisher.wait_for_subscribers())
    await asyncio.sleep(0)
    publisher.close()
    with pytest.raises(PublishRefused, match="left"):
        await waiting
