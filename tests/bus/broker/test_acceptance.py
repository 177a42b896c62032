"""A run gets its place once, and its publisher is told."""

from __future__ import annotations

from bus import wire
from bus.broker.acceptance import ACCEPT_DELAY_SECONDS, ACCEPT_EVERY_RUNS, Acceptance
from bus.broker.log.event_log import EventLog
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
