"""Answers peers that ask for events of the past: those that they missed, and the retained ones. Pure."""

from __future__ import annotations

from bus import wire
from bus.broker.lane_messages import flattened
from bus.broker.log.event_log import EventLog
from bus.broker.outgoing import Outgoing
from bus.broker.peer_record import PeerRecord


class LogReader:
    """Reads the event log for peers."""

    def __init__(self, event_log: EventLog, out: Outgoing) -> None:
        self._event_log = event_log
        self._out = out

    def replay(self, peer: PeerRecord, replay: wire.ReplayHeader) -> None:
        """A peer missed events of a topic."""
        lost, following, messages = self._event_log.replay(replay.topic, replay.first, replay.last)
        self._out.send(
            peer.route,
            wire.ReplayedHeader(replay.id, replay.topic, lost, following, self._event_log.epoch),
            *flattened(messages),
        )

    def snapshot(self, peer: PeerRecord, snapshot: wire.SnapshotHeader) -> None:
        """A peer asks for the retained events, or only for the heads."""
        log = self._event_log
        page = log.snapshot(snapshot.patterns, snapshot.after, heads_only=snapshot.heads_only)
        self._out.send(
            peer.route,
            wire.SnapshottedHeader(snapshot.id, log.epoch, log.sequence, page.heads, page.next),
            *flattened(page.messages),
        )
