"""The subscriber does what the ordering decides, over the transport that it gets."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bus import wire
from bus.errors import RequestFailed
from bus.peer.feed.subscriber import Subscriber
from bus.peer.feed.subscription import HEARD_EVERY_EVENTS, Subscription
from bus.peer.feed.topic_decoders import patterns_of
from bus.peer.lane.admission import Admission
from bus.peer.lane.requester import Requester
from bus.wire import Run
from schemas.operations.bus import GapEvent
from tests.support.event_samples import NumberedEvent

pytestmark = pytest.mark.anyio


class NotedTransport:
    """A transport that notes the calls."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.prefixes: list[bytes] = []
        self.resumed = 0

    def start(self, handlers: Any) -> None: ...

    def send(self, frames: Any) -> None:
        self.sent.append(wire.read_from_peer([bytes(frame) for frame in frames]))

    def discard_unsent(self) -> None: ...

    def subscribe(self, prefix: bytes) -> None:
        self.prefixes.append(prefix)

    def unsubscribe(self, prefix: bytes) -> None:
        self.prefixes.remove(prefix)

    def resume_feed(self) -> None:
        self.resumed += 1

    def close(self, linger_seconds: float = 0.0) -> None: ...


class Half:
    """A subscriber with its collaborators."""

    def __init__(self) -> None:
        self.transport = NotedTransport()
        admission = Admission()
        admission.admit("e")
        self.requester = Requester(self.transport.send, admission)
        self.subscriber = Subscriber(self.transport, self.requester, admission)
        self.subscriber.lane_welcomed("e")

    def subscription(self) -> Subscription[Any]:
        decoders = self.subscriber.decoders
        return Subscription(self.subscriber, patterns_of([NumberedEvent], decoders.learn), decoders)

    async def joined(self, head: int = 0) -> Subscription[Any]:
        subscription = self.subscription()
        joining = asyncio.ensure_future(subscription.__aenter__())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        self.requester.settle(
            wire.SnapshottedHeader(
                self.transport.sent[-1].id, "e", head, {"app.numbered": head} if head else {}
            ),
            [],
        )
        return await joining

    def feed(self, first: int, count: int = 1, epoch: str = "e") -> bool:
        return self.subscriber.feed(list(message(first, count, epoch)))


def message(first: int, count: int = 1, epoch: str = "e") -> tuple[bytes, bytes, bytes]:
    events = wire.encode([NumberedEvent(n=n) for n in range(first, first + count)])
    return b"app.numbered", wire.encode(Run(epoch, first, first, count, 0, "s", "i", first)), events


async def test_a_hole_is_asked_for_and_the_answer_taken() -> None:
    half = Half()
    events = await half.joined()
    half.feed(3)
    ask = half.transport.sent[-1]
    assert (ask.topic, ask.first, ask.last) == ("app.numbered", 1, 2)
    half.requester.settle(wire.ReplayedHeader(ask.id, "app.numbered", 0, 3, "e"), list(message(1, 2)))
    assert [(await anext(events)).n for _ in range(3)] == [1, 2, 3]


async def test_the_answer_of_a_broker_that_is_no_more_tells_no_gap() -> None:
    half = Half()
    events = await half.joined()
    half.feed(3)
    ask = half.transport.sent[-1]
    half.feed(1, epoch="e2")
    half.requester.settle(wire.ReplayedHeader(ask.id, "app.numbered", 9, 10, "e"), [])
    half.feed(2, epoch="e2")
    assert [(await anext(events)).n for _ in range(2)] == [1, 2]


async def test_a_replay_that_fails_is_asked_again_with_the_next_heartbeat() -> None:
    half = Half()
    await half.joined()
    half.feed(3)
    first = half.transport.sent[-1]
    half.requester.fail(first.id, "died", "gone")
    half.subscriber.feed(
        [wire.HEARTBEAT_TOPIC, wire.encode(wire.HeartbeatHeader("e", 3)), wire.encode({"app.numbered": 3})]
    )
    assert half.transport.sent[-1].id > first.id
    assert isinstance(half.transport.sent[-1], wire.ReplayHeader)


async def test_after_a_loss_the_retained_events_are_asked_for() -> None:
    half = Half()
    events = await half.joined()
    half.feed(9)
    half.requester.settle(wire.ReplayedHeader(half.transport.sent[-1].id, "app.numbered", 8, 9, "e"), [])
    assert isinstance(await anext(events), GapEvent)
    assert isinstance(half.transport.sent[-1], wire.SnapshotHeader)
    half.requester.settle(
        wire.SnapshottedHeader(half.transport.sent[-1].id, "e", 9, {"app.numbered": 9}), list(message(4))
    )
    assert {(await anext(events)).n for _ in range(2)} == {9, 4}


async def test_when_the_feed_has_connected_the_heads_are_compared_at_once() -> None:
    half = Half()
    await half.joined()
    half.subscriber.feed_welcomed()
    ask = half.transport.sent[-1]
    assert (type(ask), ask.heads_only) == (wire.SnapshotHeader, True)
    half.requester.settle(wire.SnapshottedHeader(ask.id, "e", 5, {"app.numbered": 5}), [])
    await asyncio.sleep(0)
    assert isinstance(half.transport.sent[-1], wire.ReplayHeader)


async def test_the_feed_stops_while_a_subscriber_is_behind_and_goes_on_when_it_has_caught_up() -> None:
    half = Half()
    events = await half.joined()
    first = 1
    while half.feed(first, 512):
        first += 512
    assert half.transport.resumed == 0
    for _ in range(first + 511):
        await anext(events)
    assert half.transport.resumed == 1


async def test_two_subscriptions_of_one_topic_subscribe_once() -> None:
    half = Half()
    one, other = await half.joined(), await half.joined()
    assert half.transport.prefixes == [b"app.numbered"]
    one.close()
    assert half.transport.prefixes == [b"app.numbered"]
    half.feed(1)
    assert (await anext(other)).n == 1
    other.close()
    assert half.transport.prefixes == []


async def test_a_refused_snapshot_raises_and_leaves_nothing_behind() -> None:
    half = Half()
    joining = asyncio.ensure_future(half.subscription().__aenter__())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    half.requester.fail(half.transport.sent[-1].id, "invalid", "malformed: no")
    with pytest.raises(RequestFailed):
        await joining
    assert half.transport.prefixes == []


NONSENSE = [
    [b"x"],
    [b"!heartbeat", b"\xc1", b"\x80"],
    [b"app.numbered", b"\xc1", b"\x90"],
    [b"\xff", b"\x90", b"\x90"],
    [b"a", b"\x91" * 5000, b""],
]


@pytest.mark.parametrize("frames", NONSENSE)
async def test_feed_messages_that_make_no_sense_are_counted(frames: list[bytes]) -> None:
    half = Half()
    await half.joined()
    assert half.subscriber.feed(frames)
    assert sum(half.subscriber.ignored.values()) == 1


def page(half: Half, following: int, *numbers: int, sequence: int = 5, epoch: str = "e") -> None:
    """Answer the last question with a page of retained events."""
    heads = {"app.numbered": sequence} if not half.transport.sent[-1].after else {}
    header = wire.SnapshottedHeader(half.transport.sent[-1].id, epoch, sequence, heads, following)
    half.requester.settle(header, [frame for n in numbers for frame in message(n, epoch=epoch)])


async def beginning(half: Half) -> tuple[Subscription[Any], asyncio.Future[Any]]:
    subscription = half.subscription()
    joining = asyncio.ensure_future(subscription.__aenter__())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return subscription, joining


async def turn() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


async def test_a_snapshot_is_read_page_by_page_and_what_is_newer_than_the_first_comes_by_feed() -> None:
    half = Half()
    events, joining = await beginning(half)
    page(half, 7, 1, 2)
    await turn()
    assert half.transport.sent[-1].after == 7
    page(half, 9, 3, 6, sequence=6)
    await turn()
    assert half.transport.sent[-1].after == 9
    page(half, 0, 5)
    await joining
    half.feed(6)
    assert [(await anext(events)).n for _ in range(5)] == [1, 2, 3, 5, 6]


async def test_a_snapshot_of_which_a_page_is_that_of_another_broker_begins_anew() -> None:
    half = Half()
    events, joining = await beginning(half)
    page(half, 7, 1)
    await turn()
    page(half, 0, 2, epoch="e2")
    await turn()
    assert half.transport.sent[-1].after == 0
    page(half, 0, 3, epoch="e2")
    await joining
    assert (await anext(events)).n == 3


async def test_retained_events_after_a_loss_are_read_page_by_page() -> None:
    half = Half()
    events = await half.joined()
    half.feed(9)
    half.requester.settle(wire.ReplayedHeader(half.transport.sent[-1].id, "app.numbered", 8, 9, "e"), [])
    page(half, 4, 3, sequence=9)
    assert half.transport.sent[-1].after == 4
    page(half, 0, 5, sequence=9)
    assert isinstance(await anext(events), GapEvent)
    assert {(await anext(events)).n for _ in range(3)} == {9, 3, 5}


async def test_the_answer_of_another_broker_than_the_one_that_was_asked_is_not_taken() -> None:
    half = Half()
    events = await half.joined()
    half.feed(3)
    ask = half.transport.sent[-1]
    half.requester.settle(wire.ReplayedHeader(ask.id, "app.numbered", 2, 3, "other"), [])
    half.subscriber.feed(
        [wire.HEARTBEAT_TOPIC, wire.encode(wire.HeartbeatHeader("e", 3)), wire.encode({"app.numbered": 3})]
    )
    assert not events._queue, "no loss was told"


async def test_the_broker_hears_how_far_the_slowest_subscription_has_come() -> None:
    half = Half()
    fast, slow = await half.joined(), await half.joined()
    for first in range(1, 3 * HEARD_EVERY_EVENTS, 256):
        half.feed(first, 256)

    def told() -> list[Any]:
        return [sent for sent in half.transport.sent if isinstance(sent, wire.HeardHeader)]

    for _ in range(2 * HEARD_EVERY_EVENTS + 512):
        await anext(fast)
    assert [(heard.topic, heard.number) for heard in told()] == [("app.numbered", 0)] * 2
    for _ in range(HEARD_EVERY_EVENTS + 512):
        await anext(slow)
    assert told()[-1].number == HEARD_EVERY_EVENTS
