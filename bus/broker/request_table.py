"""Which requests are under way, and how each gets its one outcome. Pure."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import Final

from bus import wire
from bus.broker.membership.peer_record import PeerRecord
from bus.broker.service_book import ServiceBook
from bus.errors import FailureKind, ProtocolError

IN_HAND_LIMIT: Final = 1024
"""Requests that one server may have unanswered. Further ones fail as `busy`."""

IN_HAND_LIMIT_BYTES: Final = 64 * 1024 * 1024
"""What these may have together. The largest has 16 MiB."""

DEADLINE_SLACK: Final = 1024
"""Deadlines of finished requests that may wait to be dropped, besides one for each request under way."""


@dataclass(frozen=True, slots=True)
class PendingRequest:
    """A request under way.

    Attributes:
        id: the broker's.
        asker, asked_id: the peer that asks, and its own id.
        sequence: place of the newest event when the request was forwarded.
        size_bytes: of its body.
    """

    id: int
    topic: str
    asker: PeerRecord
    asked_id: int
    server: PeerRecord
    sequence: int
    size_bytes: int = 0

    def failed(self, kind: FailureKind, message: str) -> wire.FailedHeader:
        """The outcome for the asking peer."""
        return wire.FailedHeader(self.asked_id, kind, message)


class RequestTable:
    """Connects peers that ask with peers that serve."""

    def __init__(self, services: ServiceBook) -> None:
        self._services = services
        self._pending: dict[int, PendingRequest] = {}
        self._deadlines: list[tuple[float, int]] = []
        self._last_id = 0

    def __len__(self) -> int:
        return len(self._pending)

    def begin(
        self,
        asker: PeerRecord,
        request: wire.RequestHeader,
        now: float,
        sequence: int = 0,
        size_bytes: int = 0,
    ) -> PendingRequest | wire.FailedHeader:
        """Find the server of a request. A failure is its outcome at once.

        Args:
            asker: the peer that asks.
            request: its header.
            now: the time.
            sequence: place of the newest event.
            size_bytes: of its body.

        Raises:
            ProtocolError: reason `duplicate_request`: this peer has a request of the same id under way.
        """
        if request.id in asker.asked:
            raise ProtocolError(
                "duplicate_request", f"request {request.id} of {asker.name} is still under way"
            )
        server = self._services.find(request.topic, now)
        if not isinstance(server, PeerRecord):
            return wire.FailedHeader(request.id, *server)
        if len(server.in_hand) >= IN_HAND_LIMIT:
            return wire.FailedHeader(
                request.id, "busy", f"{server.name} has {len(server.in_hand)} requests in hand"
            )
        if server.in_hand_bytes + size_bytes > IN_HAND_LIMIT_BYTES:
            words = f"{server.name} has requests of {server.in_hand_bytes} bytes in hand"
            return wire.FailedHeader(request.id, "busy", words)
        self._last_id += 1
        pending = self._pending[self._last_id] = PendingRequest(
            self._last_id, request.topic, asker, request.id, server, sequence, size_bytes
        )
        server.in_hand_bytes += size_bytes
        server.in_hand.add(pending.id)
        asker.asked[request.id] = pending.id
        self._note_deadline(now + request.timeout_ms / 1000, pending.id)
        return pending

    def settle(self, server: PeerRecord, id: int) -> PendingRequest:
        """A server gave an outcome.

        Raises:
            ProtocolError: reason `unknown_request`: it has no such request in hand.
        """
        pending = self._pending.get(id)
        if pending is None or pending.server is not server:
            raise ProtocolError("unknown_request", f"{server.name} has no request {id} in hand")
        return self._drop(id)

    def cancel(self, asker: PeerRecord, asked_id: int) -> PendingRequest | None:
        """The asking peer no longer waits; None: the request had its outcome already."""
        id = asker.asked.get(asked_id)
        return None if id is None else self._drop(id)

    def give_up(self, id: int) -> PendingRequest | None:
        """A request could not be sent to its server; None: it is over already."""
        return self._drop(id) if id in self._pending else None

    def expire(self, now: float) -> list[PendingRequest]:
        """Take out the requests whose time is over."""
        late: list[PendingRequest] = []
        while self._deadlines and self._deadlines[0][0] <= now:
            _, id = heapq.heappop(self._deadlines)
            if id in self._pending:
                late.append(self._drop(id))
        return late

    def next_deadline(self) -> float | None:
        """When the next request expires."""
        while self._deadlines and self._deadlines[0][1] not in self._pending:
            heapq.heappop(self._deadlines)
        return self._deadlines[0][0] if self._deadlines else None

    def abandon(self, peer: PeerRecord) -> tuple[list[PendingRequest], list[PendingRequest]]:
        """A peer's connection ended; returns the requests that it had in hand, and those that it made."""
        in_hand = [self._drop(id) for id in sorted(peer.in_hand)]
        return in_hand, [self._drop(id) for id in sorted(peer.asked.values())]

    def _note_deadline(self, deadline: float, id: int) -> None:
        heapq.heappush(self._deadlines, (deadline, id))
        if len(self._deadlines) > 2 * len(self._pending) + DEADLINE_SLACK:
            self._deadlines = [entry for entry in self._deadlines if entry[1] in self._pending]
            heapq.heapify(self._deadlines)

    def _drop(self, id: int) -> PendingRequest:
        pending = self._pending.pop(id)
        pending.server.in_hand.discard(id)
        pending.server.in_hand_bytes -= pending.size_bytes
        pending.asker.asked.pop(pending.asked_id, None)
        return pending
