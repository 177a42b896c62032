"""Answers peers that ask for events of the past: those that they missed, and the retained ones. Pure.

A peer has one answer in hand: behind it goes a PING, and the next one leaves after its PONG. So what a peer
asks for and does not read costs the broker one page, however often it asks.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from bus import wire
from bus.broker.lane_messages import flattened
from bus.broker.log.event_log import EventLog
from bus.broker.membership.peer_record import Route
from bus.broker.outgoing import Outgoing
from bus.wire import Frame

WAITING_LIMIT_READS: Final = 1024
WAITING_LIMIT_BYTES: Final = 1024 * 1024
"""What may wait for one peer, by the size of the headers. Further ones fail as `busy`."""

Read: TypeAlias = wire.ReplayHeader | wire.SnapshotHeader


def unguessable_id() -> int:
    """An id that no peer can answer before it got it."""
    return random.SystemRandom().randrange(1, 2**53)


@dataclass(slots=True)
class OpenReads:
    """What one connection waits for.

    Attributes:
        awaited: id of the PING behind the answer that the peer has in hand; 0: it has none.
        waiting: reads that are answered later, with the sizes of their headers.
        waiting_bytes: the sum of these sizes.
    """

    awaited: int = 0
    waiting: deque[tuple[Read, int]] = field(default_factory=deque)
    waiting_bytes: int = 0


class LogReader:
    """Reads the event log for peers."""

    def __init__(
        self, event_log: EventLog, out: Outgoing, new_id: Callable[[], int] = unguessable_id
    ) -> None:
        self._event_log = event_log
        self._out = out
        self._new_id = new_id
        self._open: dict[Route, OpenReads] = {}

    def read(self, route: Route, header: Read, size_bytes: int) -> None:
        """Answer a read, now or later.

        Args:
            route: the connection of the peer that asks.
            header: what it asks for.
            size_bytes: size of the header as it came.
        """
        reads = self._open.setdefault(route, OpenReads())
        if not reads.awaited:
            self._answer(route, reads, header)
        elif (
            len(reads.waiting) >= WAITING_LIMIT_READS
            or reads.waiting_bytes + size_bytes > WAITING_LIMIT_BYTES
        ):
            message = f"{len(reads.waiting)} reads wait already; read their answers first"
            self._out.send(
                route, wire.FailedHeader(header.id, "busy", message, wire.VERB_OF[type(header)].decode())
            )
        else:
            reads.waiting.append((header, size_bytes))
            reads.waiting_bytes += size_bytes

    def pong(self, route: Route, id: int) -> None:
        """A peer answered a PING: if it is the one behind its answer, the next read is due."""
        reads = self._open.get(route)
        if reads is None or reads.awaited != id:
            return
        if not reads.waiting:
            del self._open[route]
            return
        header, size_bytes = reads.waiting.popleft()
        reads.waiting_bytes -= size_bytes
        self._answer(route, reads, header)

    def unsent(self, route: Route, frames: Sequence[Frame]) -> None:
        """An answer could not be sent, since too much waits for that peer: the read fails as `busy`."""
        header = wire.read_from_broker([bytes(frame) for frame in frames[:2]])
        if isinstance(header, wire.ReplayedHeader | wire.SnapshottedHeader):
            message = "the answer does not fit behind what you have not read"
            self._out.send(
                route, wire.FailedHeader(header.id, "busy", message, wire.VERB_OF[type(header)].decode())
            )

    def forget(self, route: Route) -> None:
        """A connection ended."""
        self._open.pop(route, None)

    def _answer(self, route: Route, reads: OpenReads, header: Read) -> None:
        log = self._event_log
        if isinstance(header, wire.ReplayHeader):
            lost, following, messages = log.replay(header.topic, header.first, header.last)
            replayed = wire.ReplayedHeader(header.id, header.topic, lost, following, log.epoch)
            self._out.send(route, replayed, *flattened(messages))
        else:
            page = log.snapshot(header.patterns, header.after, heads_only=header.heads_only)
            found = wire.SnapshottedHeader(header.id, log.epoch, log.sequence, page.heads, page.next)
            self._out.send(route, found, *flattened(page.messages))
        reads.awaited = self._new_id()
        self._out.send(route, wire.PingHeader(reads.awaited))
