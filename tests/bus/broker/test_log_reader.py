"""What peers are told of the past: in pages, and only as fast as they read."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from bus import wire
from bus.broker.log.event_log import PAGE_LIMIT_BYTES, EventLog
from bus.broker.log_reader import WAITING_LIMIT_BYTES, WAITING_LIMIT_READS, LogReader, unguessable_id
from bus.broker.outgoing import Outgoing

BODY = wire.encode([{"type": "app.x"}])


class Asker:
    """A log reader, and what it sent."""

    def __init__(self) -> None:
        self.out, self.event_log = Outgoing(), EventLog("epoch")
        self.reader = LogReader(self.event_log, self.out, count(100).__next__)

    def publish(self, key: str, size_bytes: int = 0) -> None:
        body = wire.encode([{"type": "app.x", "filler": bytes(size_bytes)}])
        first = self.event_log.heads.get("app.x", 0) + 1
        self.event_log.append(wire.PublishHeader(1, "app.x", 1, first, key), body, "tray", "instance", 0)

    def ask(self, *headers: wire.ReplayHeader | wire.SnapshotHeader, route: bytes = b"a") -> None:
        for header in headers:
            self.reader.read(route, header, 100)

    def heard(self) -> list[Any]:
        """Headers that were sent since the last call."""
        return [
            wire.read_from_broker([bytes(frame) for frame in frames])
            for _, frames in self.out.take_for_peers()
        ]


@pytest.fixture
def asker() -> Asker:
    return Asker()


def test_missed_and_retained_events_are_three_frames_each(asker: Asker) -> None:
    asker.publish("key")
    for route, header in [
        (b"a", wire.ReplayHeader(1, "app.x", 1, 1)),
        (b"b", wire.SnapshotHeader(2, ["app.*"])),
        (b"c", wire.SnapshotHeader(3, ["app.*"], heads_only=True)),
    ]:
        asker.ask(header, route=route)
    assert [(frames[0], len(frames) - 2) for _, frames in asker.out.take_for_peers()] == [
        (b"REPLAY", 3),
        (b"PING", 0),
        (b"SNAPSHOT", 3),
        (b"PING", 0),
        (b"SNAPSHOT", 0),
        (b"PING", 0),
    ]


def test_the_next_read_is_answered_after_the_pong_behind_the_former_answer(asker: Asker) -> None:
    asker.ask(
        wire.SnapshotHeader(1, ["*"]), wire.ReplayHeader(2, "app.x", 1, 1), wire.SnapshotHeader(3, ["*"])
    )
    snapshot, ping = asker.heard()
    assert (snapshot.id, ping) == (1, wire.PingHeader(100))
    asker.reader.pong(b"a", 99)
    asker.reader.pong(b"b", 100)
    assert asker.heard() == [], "a wrong number, or that of another, releases nothing"
    asker.reader.pong(b"a", 100)
    assert [header.id for header in asker.heard()] == [2, 101]
    asker.reader.pong(b"a", 100)
    assert asker.heard() == [], "an answer counts once"
    asker.reader.pong(b"a", 101)
    assert [header.id for header in asker.heard()] == [3, 102]
    asker.reader.pong(b"a", 102)
    asker.ask(wire.SnapshotHeader(4, ["*"]))
    assert [header.id for header in asker.heard()] == [4, 103], "nothing was in hand"


def test_a_peer_that_asks_a_thousand_times_and_reads_nothing_costs_one_page(asker: Asker) -> None:
    for n in range(20):
        asker.publish(str(n), PAGE_LIMIT_BYTES // 2)
    for id in range(1, 1001):
        asker.ask(wire.SnapshotHeader(id, ["*"]), wire.ReplayHeader(id, "app.x", 1, 20))
    sent = sum(len(frame) for _, frames in asker.out.take_for_peers() for frame in frames)
    assert PAGE_LIMIT_BYTES < sent < 2 * PAGE_LIMIT_BYTES


def test_what_waits_is_bounded_by_number(asker: Asker) -> None:
    asker.ask(*[wire.SnapshotHeader(id, ["*"]) for id in range(1, WAITING_LIMIT_READS + 3)])
    *_, failed = asker.heard()
    assert (failed.id, failed.kind, failed.verb) == (WAITING_LIMIT_READS + 2, "busy", "SNAPSHOT")
    asker.ask(wire.ReplayHeader(7, "app.x", 1, 1))
    assert [(f.id, f.kind, f.verb) for f in asker.heard()] == [(7, "busy", "REPLAY")]
    asker.ask(wire.ReplayHeader(8, "app.x", 1, 1), route=b"other")
    assert asker.heard()[0].id == 8


def test_what_waits_is_bounded_by_size(asker: Asker) -> None:
    for id in (1, 2, 3):
        asker.reader.read(b"a", wire.SnapshotHeader(id, ["*"]), WAITING_LIMIT_BYTES // 2 + 1)
    assert [header.id for header in asker.heard()] == [1, 100, 3]


def test_a_connection_that_ended_is_forgotten(asker: Asker) -> None:
    asker.ask(wire.SnapshotHeader(1, ["*"]), wire.SnapshotHeader(2, ["*"]))
    asker.heard()
    asker.reader.forget(b"a")
    asker.reader.pong(b"a", 100)
    assert asker.heard() == []


def test_nobody_can_guess_the_number_of_a_ping() -> None:
    assert len({unguessable_id() for _ in range(100)}) == 100
