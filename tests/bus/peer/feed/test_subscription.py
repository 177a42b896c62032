"""A subscriber hears retained events first, then what followed, and nothing that cannot be read stops it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bus import wire
from bus.peer.feed import subscription as module
from bus.peer.feed.ordering import Deliver, Lost
from bus.peer.feed.subscription import QUEUE_LIMIT_EVENTS, Subscription
from bus.peer.feed.topic_decoders import TopicDecoders, patterns_of
from bus.wire import Run
from schemas.operations.bus import GapEvent
from tests.support.event_samples import NumberedEvent

pytestmark = pytest.mark.anyio


class QuietHub:
    """A hub that only counts."""

    def __init__(self) -> None:
        self.left = self.caught = 0
        self.told: list[str] = []

    async def join(self, subscription: Subscription[Any]) -> None:
        subscription.begin([], 0, "e")

    def leave(self, subscription: Subscription[Any]) -> None:
        self.left += 1

    def caught_up(self) -> None:
        self.caught += 1

    def heard(self, topic: str) -> None:
        self.told.append(topic)


def deliver(
    first: int, count: int = 1, *, skip: int = 0, epoch: str = "e", body: bytes | None = None
) -> Deliver:
    events = wire.encode([NumberedEvent(n=n) for n in range(first, first + count)])
    return Deliver(
        "app.numbered",
        Run(epoch, first, first, count, 7, "source", "i", first, None, "matter"),
        body or events,
        skip,
    )


def subscribed(hub: QuietHub | None = None) -> Subscription[Any]:
    decoders = TopicDecoders()
    patterns = patterns_of([NumberedEvent], decoders.learn)
    return Subscription(hub or QuietHub(), patterns, decoders)


async def test_what_arrives_before_the_snapshot_waits_and_is_judged_by_it() -> None:
    events = subscribed()
    for first in (3, 4, 5):
        events.take(deliver(first))
    events.begin([deliver(2)], 4, "e")
    events.take(deliver(6))
    assert [(await anext(events)).n for _ in range(3)] == [2, 5, 6]


async def test_what_another_subscription_was_still_owed_does_not_follow_the_snapshot_that_stands_for_it() -> (
    None
):
    events = subscribed()
    events.begin([deliver(4)], 4, "e")
    for first in (3, 4):
        events.take(deliver(first))
    events.take(deliver(1, epoch="next"))
    assert [(await anext(events)).n for _ in range(2)] == [4, 1]


async def test_only_the_events_that_are_due_are_handed_on() -> None:
    events = subscribed()
    events.begin([], 0, "e")
    events.take(deliver(1, 4, skip=2))
    received = [await events.received() for _ in range(2)]
    assert [(r.event, r.number, r.sequence, r.correlation, r.time_ns) for r in received] == [
        (NumberedEvent(n=3), 3, 3, "matter", 7),
        (NumberedEvent(n=4), 4, 4, "matter", 7),
    ]


@pytest.mark.parametrize(
    "broken",
    [b"\x01", b"\xa2\xff\xfe", b"\x82\xa4type\xacapp.numbered\xa1n\xa1x", b"\xd6\xff\xff\xff\xff\xff"],
)
@pytest.mark.parametrize("skip", [0, 1, 2])
async def test_what_cannot_be_read_is_a_gap_in_its_place_and_brings_nothing_twice(
    broken: bytes, skip: int
) -> None:
    events = subscribed()
    events.begin([], 0, "e")
    good = [wire.encode(NumberedEvent(n=n)) for n in (1, 3)]
    events.take(deliver(1, 3, skip=skip, body=b"\x93" + good[0] + broken + good[1]))
    events.take(deliver(4))
    gap = GapEvent(lost_topic="app.numbered", count=1, reason="unreadable")
    expected = [NumberedEvent(n=1), gap, NumberedEvent(n=3), NumberedEvent(n=4)][skip:]
    received = [await events.received() for _ in expected]
    assert [r.event for r in received] == expected
    assert [r.number for r in received] == [1, 2, 3, 4][skip:]
    assert events.undecodable == (1 if skip < 2 else 0)


async def test_a_gap_comes_in_its_place() -> None:
    events = subscribed()
    events.begin([], 0, "e")
    events.take(deliver(1))
    events.take(Lost("app.numbered", 5, beyond_ring=True))
    events.take(Lost("app.numbered", 2, beyond_ring=False))
    events.take(deliver(9))
    received = [(await events.received()).event for _ in range(4)]
    assert received[1:3] == [
        GapEvent(lost_topic="app.numbered", count=5, reason="ring_exceeded"),
        GapEvent(lost_topic="app.numbered", count=2, reason="broker_restarted"),
    ]
    assert events.correlation == "matter"
    assert events.publisher != ""


async def test_a_subscriber_that_falls_behind_says_so_and_says_when_it_has_caught_up() -> None:
    hub = QuietHub()
    events = subscribed(hub)
    events.begin([], 0, "e")
    for first in range(1, QUEUE_LIMIT_EVENTS + 1, 256):
        assert not events.is_behind
        events.take(deliver(first, 256))
    assert events.is_behind
    for _ in range(QUEUE_LIMIT_EVENTS):
        await anext(events)
    assert not events.is_behind
    assert hub.caught > 0


async def test_waiting_ends_with_an_event_or_with_the_end() -> None:
    hub = QuietHub()
    events = subscribed(hub)
    async with events:
        waiting = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0)
        events.take(deliver(1))
        assert (await waiting).n == 1
        waiting = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0)
    with pytest.raises(StopAsyncIteration):
        await waiting
    events.close()
    assert hub.left == 1


async def test_a_subscriber_is_behind_by_bytes_too(monkeypatch: pytest.MonkeyPatch) -> None:
    one = deliver(1)
    monkeypatch.setattr(module, "QUEUE_LIMIT_BYTES", 10 * len(one.body))
    hub = QuietHub()
    events = subscribed(hub)
    for number in range(1, 6):
        events.take(deliver(number))
    assert not events.is_behind
    events.begin([], 0, "e")
    for number in range(6, 11):
        assert not events.is_behind
        events.take(deliver(number))
    assert events.is_behind, "what came before the snapshot counts once"
    for _ in range(10):
        await anext(events)
    assert not events.is_behind
    assert hub.caught > 0
