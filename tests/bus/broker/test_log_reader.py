"""What peers are told of the past."""

from __future__ import annotations

from bus import wire
from bus.broker.log.event_log import EventLog
from bus.broker.log_reader import LogReader
from bus.broker.outgoing import Outgoing
from bus.broker.peer_record import PeerRecord

BODY = wire.encode([{"type": "app.x"}])


def test_missed_and_retained_events_are_three_frames_each() -> None:
    out, event_log = Outgoing(), EventLog("epoch")
    event_log.append(wire.PublishHeader(1, "app.x", 1, 1, "key"), BODY, "tray", "instance", 0)
    reader, peer = LogReader(event_log, out), PeerRecord(b"a", "asker", "two")
    reader.replay(peer, wire.ReplayHeader(1, "app.x", 1, 1))
    reader.snapshot(peer, wire.SnapshotHeader(2, ["app.*"]))
    reader.snapshot(peer, wire.SnapshotHeader(3, ["app.*"], heads_only=True))
    assert [(frames[0], len(frames) - 2) for _, frames in out.take_for_peers()] == [
        (b"REPLAY", 3),
        (b"SNAPSHOT", 3),
        (b"SNAPSHOT", 0),
    ]
