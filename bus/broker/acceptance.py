"""Gives the runs of peers their places in the order, each once, and confirms them. Pure."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable, Sequence
from typing import Final

from bus import wire
from bus.broker.lane_messages import body_of
from bus.broker.log.event_log import EventLog
from bus.broker.outgoing import Outgoing
from bus.broker.peer_record import PeerRecord, Route
from bus.broker.peer_registry import BROKER_NAME
from bus.broker.topic_rules import TopicRules
from schemas.event import Event, topic_of

ACCEPT_EVERY_RUNS: Final = 8
ACCEPT_DELAY_SECONDS: Final = 0.002
"""ACCEPTED leaves after this many runs or this delay: one a run would cost more than the run."""

INSTANCE_LIMIT: Final = 4096
"""Lives of peers whose highest accepted serial is remembered."""


class Acceptance:
    """Takes what is published.

    Attributes:
        duplicates: repeated runs among the messages.
    """

    def __init__(self, event_log: EventLog, rules: TopicRules, out: Outgoing) -> None:
        self.duplicates = 0
        self._event_log = event_log
        self._rules = rules
        self._out = out
        self._accepted: OrderedDict[str, int] = OrderedDict()
        self._unconfirmed: dict[Route, PeerRecord] = {}
        self._accept_again: set[Route] = set()
        self._accept_due = 0.0
        self._own_serials: Counter[str] = Counter()

    def publish(
        self, peer: PeerRecord, publish: wire.PublishHeader, frames: Sequence[bytes], now: float, time_ns: int
    ) -> None:
        """Take a run.

        Raises:
            ProtocolError: it breaks a rule. It counts as accepted, since it is not to be sent again.
        """
        if publish.serial <= self._accepted[peer.instance]:
            self.duplicates += 1
        else:
            body = body_of(frames)
            try:
                self._rules.check_publish(publish.topic)
                wire.check_events(body, publish.count)
                self._out.on_feed.append(
                    self._event_log.append(publish, body, peer.name, peer.instance, time_ns)
                )
            finally:
                self._accepted[peer.instance] = publish.serial  # a refused run is not sent again either
        if not self._unconfirmed:
            self._accept_due = now + ACCEPT_DELAY_SECONDS
        self._unconfirmed[peer.route] = peer
        peer.unconfirmed_runs += 1
        if peer.unconfirmed_runs >= ACCEPT_EVERY_RUNS:
            self._confirm(peer)

    def announce(self, event: Event, time_ns: int) -> None:
        """Publish an event of the broker itself."""
        topic = topic_of(type(event))
        self._own_serials[topic] += 1
        publish = wire.PublishHeader(1, topic, 1, self._own_serials[topic])
        self._out.on_feed.append(
            self._event_log.append(publish, wire.encode([event]), BROKER_NAME, self._event_log.epoch, time_ns)
        )

    def accepted(self, peer: PeerRecord) -> int:
        """The highest serial that has its place."""
        return self._accepted.get(peer.instance, 0)

    def joined(self, peer: PeerRecord, connected: Iterable[PeerRecord]) -> int:
        """A peer is admitted; returns what is accepted of its present life."""
        accepted = self._accepted.setdefault(peer.instance, 0)
        self._accepted.move_to_end(peer.instance)
        if len(self._accepted) > INSTANCE_LIMIT:
            self._forget_an_instance({other.instance for other in connected})
        return accepted

    def forget_route(self, route: Route) -> None:
        """Nothing is to be confirmed on this connection any more."""
        self._unconfirmed.pop(route, None)

    def confirm_again(self, route: Route) -> None:
        """An ACCEPTED could not be sent; it is sent again with the next heartbeat."""
        self._accept_again.add(route)

    def tick(self, now: float) -> None:
        """Confirm what was delayed."""
        if self._unconfirmed and now >= self._accept_due:
            for peer in list(self._unconfirmed.values()):
                self._confirm(peer)

    def heartbeat(self, peers: dict[Route, PeerRecord]) -> None:
        """Confirm again where it could not be sent."""
        again, self._accept_again = self._accept_again, set()
        for route in again & peers.keys():
            self._confirm(peers[route])

    def next_due(self) -> float | None:
        """When `tick` next has something to do."""
        return self._accept_due if self._unconfirmed else None

    def _confirm(self, peer: PeerRecord) -> None:
        peer.unconfirmed_runs = 0
        self._unconfirmed.pop(peer.route, None)
        self._out.send(peer.route, wire.AcceptedHeader(self._accepted[peer.instance]))

    def _forget_an_instance(self, connected: set[str]) -> None:
        for instance in self._accepted:
            if instance not in connected:
                del self._accepted[instance]
                return
