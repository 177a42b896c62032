"""Which peer serves which topic, and for how long a topic stays with a server that is gone. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

from bus.broker.membership.peer_record import PeerRecord
from bus.errors import FailureKind, ProtocolError
from schemas.contract.registry import REQUESTS

RESTART_GRACE_SECONDS: Final = 60.0
GUEST_GRACE_SECONDS: Final = 5.0
"""How long a topic stays with the name that served it after it vanished. Requests fail as `restarting`
meanwhile, and as `no_responder` later."""

SUCCESSION_GRACE_SECONDS: Final = 5.0
"""How long servers may take to come back after a broker took over from one that died."""

SERVICE_LIMIT: Final = 16_384
"""Most topics that are served at once, besides those of the contract."""

NAMED_SERVICE_LIMIT: Final = 8192
GUEST_SERVICE_LIMIT: Final = 1024
ALL_GUESTS_SERVICE_LIMIT: Final = SERVICE_LIMIT // 2


@dataclass(slots=True)
class Service:
    """The peer that serves a topic.

    Attributes:
        server: the peer; a former life of it, if it is absent.
        is_guest: whether it is one.
        absent_since: when it vanished, if it is due back.
    """

    server: PeerRecord
    is_guest: bool
    absent_since: float | None = None

    def is_held(self, now: float) -> bool:
        """Whether the topic stays with its name."""
        grace_seconds = GUEST_GRACE_SECONDS if self.is_guest else RESTART_GRACE_SECONDS
        return self.absent_since is None or now - self.absent_since < grace_seconds


class ServiceBook:
    """The served topics."""

    def __init__(self, began: float, *, succession: bool) -> None:
        self._began = began
        self._succession = succession
        self._services: dict[str, Service] = {}
        self._served: Counter[str] = Counter()
        self._by_guests = 0

    def serve(self, peer: PeerRecord, topics: list[str], own_topic: str, now: float) -> None:
        """Let a peer serve these topics, all of them or none.

        Raises:
            ProtocolError: reasons `unknown_topic`, `not_yours`, `duplicate_service` (also for `own_topic`,
                which the broker serves), `services_full`.
        """
        new: set[str] = set()
        for topic in topics:
            if topic == own_topic:
                raise ProtocolError("duplicate_service", f"{topic} is served by the broker itself")
            service = self._services.get(topic)
            if service is None or service.server is not peer:
                peer.rights.check_serve(topic)
            if service is None:
                new.add(topic)
            elif service.server.name != peer.name and service.is_held(now):
                present = "is served by" if service.absent_since is None else "is kept for"
                raise ProtocolError(
                    "duplicate_service", f"{topic} {present} {service.server.name!r}; ask it, or wait"
                )
        self._check_room(peer, sum(topic not in REQUESTS for topic in new), now)
        for topic in topics:
            self._remove(topic)
            self._services[topic] = Service(peer, peer.rights.is_guest)
            if topic not in REQUESTS:
                self._served[peer.name] += 1
                self._by_guests += peer.rights.is_guest
            peer.services.add(topic)

    def find(self, topic: str, now: float) -> PeerRecord | tuple[FailureKind, str]:
        """The server of a topic, or why there is none."""
        service = self._services.get(topic)
        if service is not None and service.absent_since is None:
            return service.server
        if service is not None and service.is_held(now):
            return "restarting", f"{service.server.name} serves {topic} and is due back"
        if self._succession and now - self._began < SUCCESSION_GRACE_SECONDS:
            return "restarting", "the broker has just been restarted; servers are coming back"
        return "no_responder", f"nobody serves {topic}"

    def leave(self, peer: PeerRecord, now: float, *, returning: bool) -> None:
        """A peer left: nobody serves its topics now. `returning`: it is due back."""
        for topic in peer.services:
            service = self._services.get(topic)
            if service is None or service.server is not peer:
                continue
            if returning:
                service.absent_since = now
            else:
                self._remove(topic)

    def _check_room(self, peer: PeerRecord, more: int, now: float) -> None:
        if self._limit_reached(peer, more):
            for topic in [topic for topic, service in self._services.items() if not service.is_held(now)]:
                self._remove(topic)
        limit = self._limit_reached(peer, more)
        if limit:
            raise ProtocolError("services_full", f"there is no room for {more} more topics: {limit}")

    def _limit_reached(self, peer: PeerRecord, more: int) -> str:
        if not more:
            return ""
        is_guest, name = peer.rights.is_guest, peer.name
        if self._served.total() + more > SERVICE_LIMIT:
            return f"{SERVICE_LIMIT} topics are served"
        if is_guest and self._by_guests + more > ALL_GUESTS_SERVICE_LIMIT:
            return f"guests may serve {ALL_GUESTS_SERVICE_LIMIT} topics"
        limit = GUEST_SERVICE_LIMIT if is_guest else NAMED_SERVICE_LIMIT
        return f"{name!r} may serve {limit} topics" if self._served[name] + more > limit else ""

    def _remove(self, topic: str) -> None:
        service = self._services.pop(topic, None)
        if service is not None and topic not in REQUESTS:
            self._served[service.server.name] -= 1
            self._by_guests -= service.is_guest
            if not self._served[service.server.name]:
                del self._served[service.server.name]
