"""A run gets its place once, and its publisher is told."""

from __future__ import annotations

from collections import Counter

from bus import wire
from bus.broker.acceptance import ACCEPT_DELAY_SECONDS, ACCEPT_EVERY_RUNS, Acceptance
from bus.broker.log.event_log import EventLog
from bus.broker.log.told_lag import NEWS_SECONDS
from bus.broker.membership.peer_record import PeerRecord
from bus.broker.outgoing import Outgoing

BODY = wire.encode([{"type": "app.x"}])


def test_acceptance_is_told_after_some_runs_or_some_time() -> None:
    out = Outgoing()
    acceptance = Acceptance(EventLog("epoch"), out, lambda name: True)
    peer = PeerRecord(b"route", "tray", "instance")
    acceptance.joined(peer)
    for serial in range(1, ACCEPT_EVERY_RUNS + 2):
        publish = wire.PublishHeader(serial, "app.x", 1, serial)
        acceptance.publish(peer, publish, [b"", b"", BODY], 0.0, 0)
    assert len(out.on_feed) == ACCEPT_EVERY_RUNS + 1
    assert [frames for _, frames in out.take_for_peers()] == [
        wire.lane_frames(wire.AcceptedHeader(ACCEPT_EVERY_RUNS))
    ]
    assert acceptance.next_due() == ACCEPT_DELAY_SECONDS
    acceptance.tick(ACCEPT_DELAY_SECONDS)
    assert [frames for _, frames in out.take_for_peers()] == [
        wire.lane_frames(wire.AcceptedHeader(ACCEPT_EVERY_RUNS + 1))
    ]
    assert acceptance.next_due() is None


class Publisher:
    """An acceptance with a publisher and a subscriber, and what the publisher was told."""

    def __init__(self) -> None:
        self.out = Outgoing()
        self.acceptance = Acceptance(EventLog("epoch"), self.out, lambda name: True)
        self.peer = PeerRecord(b"route", "tray", "instance")
        self.subscriber = PeerRecord(b"other", "listener", "instance")
        self.acceptance.joined(self.peer)
        self._published = Counter[str]()
        self._serial = 0

    def publish(self, topic: str, count: int, now: float) -> None:
        body = wire.encode([{"type": topic}] * count)
        self._serial += 1
        publish = wire.PublishHeader(self._serial, topic, count, self._published[topic] + 1)
        self._published[topic] += count
        self.acceptance.publish(self.peer, publish, [b"", b"", body], now, 0)
        self.acceptance.tick(now + ACCEPT_DELAY_SECONDS)

    def heard(self, topic: str, number: int, now: float) -> None:
        self.acceptance.heard(self.subscriber, wire.HeardHeader(topic, number), now)
        self.acceptance.tick(now + ACCEPT_DELAY_SECONDS)

    def told(self) -> list[int]:
        """By how much a subscriber trails, as often as it was said."""
        headers = [
            wire.read_from_broker([bytes(f) for f in frames]) for _, frames in self.out.take_for_peers()
        ]
        return [header.behind for header in headers if isinstance(header, wire.AcceptedHeader)]


def test_a_publisher_is_told_how_far_the_slowest_subscriber_of_its_topics_trails() -> None:
    publisher = Publisher()
    publisher.publish("app.x", 1000, 0.0)
    assert publisher.told() == [0], "nobody said anything"
    publisher.heard("app.x", 200, 0.0)
    assert publisher.told() == [], "nobody asked"
    publisher.publish("app.x", 1000, 0.0)
    publisher.publish("app.other", 1, 0.0)
    assert publisher.told() == [1800, 1800], "it is remembered while it lasts"
    publisher.heard("app.x", 1500, 1.0)
    assert publisher.told() == [500]
    publisher.heard("app.other", 0, 1.0)
    assert publisher.told() == []
    publisher.heard("app.x", 2000, 1.0)
    publisher.heard("app.x", 2000, 1.0)
    assert publisher.told() == [0], "once all is handed on, it is told so once"


def test_a_publisher_that_waits_is_told_with_every_heartbeat_and_when_it_asks() -> None:
    publisher = Publisher()
    publisher.publish("app.x", 1, 0.0)
    publisher.heard("app.x", 1, 0.0)
    publisher.publish("app.x", 1000, 0.0)
    publisher.told()
    publisher.acceptance.heartbeat({b"route": publisher.peer}, 1.0)
    publisher.acceptance.asked(publisher.peer, 1.0)
    assert publisher.told() == [1000, 1000]
    publisher.acceptance.heartbeat({b"route": publisher.peer}, NEWS_SECONDS + 1)
    publisher.acceptance.asked(publisher.peer, NEWS_SECONDS + 1)
    publisher.acceptance.heartbeat({b"route": publisher.peer}, NEWS_SECONDS + 2)
    assert publisher.told() == [0], "a subscriber that says nothing is not waited for"


def test_who_is_gone_neither_trails_nor_is_told() -> None:
    publisher = Publisher()
    publisher.publish("app.x", 1, 0.0)
    publisher.heard("app.x", 1, 0.0)
    publisher.publish("app.x", 1000, 0.0)
    assert publisher.told() == [0, 1000]
    publisher.acceptance.forget_route(b"other")
    publisher.acceptance.asked(publisher.peer, 0.0)
    assert publisher.told() == [0]
    publisher.heard("app.x", 1, 0.0)
    publisher.publish("app.x", 1, 0.0)
    publisher.acceptance.forget_route(b"route")
    publisher.told()
    publisher.heard("app.x", 500, 0.0)
    assert publisher.told() == []
