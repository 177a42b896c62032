"""The subscriber does what the ordering decides, over the transport that it gets."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bus import wire
from bus.errors import RequestFailed
from bus.peer.feed.subscriber import Subscriber
from bus.peer.feed.subscription import Subscription
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
