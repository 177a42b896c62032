"""Which peer serves which topic, which requests are under way, and how each gets its one outcome. Pure."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import Final

from bus import wire
from bus.broker.peer_record import PeerRecord
from bus.broker.topic_rules import TopicRules
from bus.errors import FailureKind, ProtocolError

IN_HAND_LIMIT: Final = 1024
"""Requests that one server may have unanswered. Further ones fail as `busy`."""

RESTART_GRACE_SECONDS: Final = 60.0
"""How long requests fail as `restarting` after their server vanished; later they fail as `no_responder`."""

SUCCESSION_GRACE_SECONDS: Final = 5.0
"""How long servers may take to come back after a broker took over from one that died."""

SERVICE_LIMIT: Final = 16_384
"""Most topics that are served at once."""

DEADLINE_SLACK: Final = 1024
"""Deadlines of finished requests that may wait to be dropped, besides one for each request under way."""


@dataclass(slots=True)
class Service:
    """The peer that serves a topic. `absent_since`: when it vanished, if it is due back."""

    server: PeerRecord
    absent_since: float | None = None


@dataclass(frozen=True, slots=True)
class PendingRequest:
    """A request under way. `id` is the broker's, `asked_id` that of the asking peer."""

    id: int
    topic: str
    asker: PeerRecord
    asked_id: int
    server: PeerRecord

    def failed(self, kind: FailureKind, message: str) -> wire.FailedHeader:
        """The outcome for the asking peer."""
        return wire.FailedHeader(self.asked_id, kind, message)


class RequestTable:
    """Connects peers that ask with peers that serve."""

    def __init__(self, rules: TopicRules, began: float, *, succession: bool) -> None:
        self._rules = rules
        self._began = began
        self._succession = succession
        self._services: dict[str, Service] = {}
        self._pending: dict[int, PendingRequest] = {}
        self._deadlines: list[tuple[float, int]] = []
        self._last_id = 0

    def __len__(self) -> int:
        return len(self._pending)

    def serve(self, peer: PeerRecord, topics: list[str], own_topic: str) -> None:
        """Let a peer serve these topics, all of them or none.

        Raises:
            ProtocolError: reasons `unknown_topic`, `duplicate_service` (also for `own_topic`, which the
                broker serves), `services_full`.
        """
        for topic in topics:
            self._rules.check_serve(topic)
            service = self._services.get(topic)
            if topic == own_topic:
                raise ProtocolError("duplicate_service", f"{topic} is served by the broker itself")
            if service is not None and service.absent_since is None and service.server is not peer:
                raise ProtocolError(
                    "duplicate_service", f"{topic} is served by {service.server.name!r} already"
                )
        if len(self._services) + len(topics) > SERVICE_LIMIT:
            raise ProtocolError(
                "services_full",
                f"{len(self._services)} topics are served; there is no room for {len(topics)} more",
            )
        for topic in topics:
            self._services[topic] = Service(peer)
            peer.services.add(topic)

    def begin(
        self, asker: PeerRecord, request: wire.RequestHeader, now: float
    ) -> PendingRequest | wire.FailedHeader:
        """Find the server of a request. A failure is its outcome at once.

        Raises:
            ProtocolError: reason `duplicate_request`: this peer has a request of the same id under way.
        """
        if request.id in asker.asked:
            raise ProtocolError(
                "duplicate_request", f"request {request.id} of {asker.name} is still under way"
            )
        service = self._services.get(request.topic)
        if service is None or service.absent_since is not None:
            return wire.FailedHeader(request.id, *self._absence(request.topic, service, now))
        server = service.server
        if len(server.in_hand) >= IN_HAND_LIMIT:
            return wire.FailedHeader(
                request.id, "busy", f"{server.name} has {len(server.in_hand)} requests in hand"
            )
        self._last_id += 1
        pending = self._pending[self._last_id] = PendingRequest(
            self._last_id, request.topic, asker, request.id, server
        )
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

    def leave(self, peer: PeerRecord, now: float, *, returning: bool) -> None:
        """A peer left: no peer serves its topics now. `returning`: it is due back."""
        for topic in peer.services:
            service = self._services.get(topic)
            if service is None or service.server is not peer:
                continue
            if returning:
                service.absent_since = now
            else:
                del self._services[topic]

    def abandon(self, peer: PeerRecord) -> tuple[list[PendingRequest], list[PendingRequest]]:
        """A peer's connection ended; returns the requests that it had in hand, and those that it made."""
        in_hand = [self._drop(id) for id in sorted(peer.in_hand)]
        return in_hand, [self._drop(id) for id in sorted(peer.asked.values())]

    def _absence(self, topic: str, service: Service | None, now: float) -> tuple[FailureKind, str]:
        if (
            service is not None
            and service.absent_since is not None
            and now - service.absent_since < RESTART_GRACE_SECONDS
        ):
            return "restarting", f"{service.server.name} serves {topic} and is due back"
        if self._succession and now - self._began < SUCCESSION_GRACE_SECONDS:
            return "restarting", "the broker has just been restarted; servers are coming back"
        return "no_responder", f"nobody serves {topic}"

    def _note_deadline(self, deadline: float, id: int) -> None:
        heapq.heappush(self._deadlines, (deadline, id))
        if len(self._deadlines) > 2 * len(self._pending) + DEADLINE_SLACK:
            self._deadlines = [entry for entry in self._deadlines if entry[1] in self._pending]
            heapq.heapify(self._deadlines)

    def _drop(self, id: int) -> PendingRequest:
        pending = self._pending.pop(id)
        pending.server.in_hand.discard(id)
        pending.asker.asked.pop(pending.asked_id, None)
        return pending
