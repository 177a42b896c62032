"""Gives the runs of peers their places in the order, each once, and confirms them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from bus import wire
from bus.broker.guest_retention import GuestRetention
from bus.broker.lane_messages import body_of
from bus.broker.log.event_log import EventLog
from bus.broker.log.told_lag import ToldLag
from bus.broker.membership.peer_record import PeerRecord, Route
from bus.broker.membership.peer_registry import BROKER_NAME
from bus.broker.membership.publisher_life import LivesOfPublishers
from bus.broker.outgoing import Outgoing
from bus.errors import ProtocolError
from schemas.contract.ownership import KEYED_BY_PUBLISHER
from schemas.event import Event, topic_of

ACCEPT_EVERY_RUNS: Final = 8
ACCEPT_DELAY_SECONDS: Final = 0.002
"""ACCEPTED leaves after this many runs or this delay: one a run would cost more than the run."""


class Acceptance:
    """Takes what is published.

    Attributes:
        duplicates: repeated runs among the messages.
    """

    def __init__(self, event_log: EventLog, out: Outgoing, is_present: Callable[[str], bool]) -> None:
        """Accept nothing yet.

        Args:
            event_log: gives the places.
            out: takes the confirmations, and what goes to the feed.
            is_present: whether a peer of this name is there.
        """
        self.duplicates = 0
        self._event_log = event_log
        self._out = out
        self._is_present = is_present
        self._lives = LivesOfPublishers()
        self._retention = GuestRetention()
        self._unconfirmed: dict[Route, PeerRecord] = {}
        self._accept_again: set[Route] = set()
        self._accept_due = 0.0
        self._lag = ToldLag(event_log.heads)
        self._outrunning: dict[Route, PeerRecord] = {}
        self._own_serials: Counter[str] = Counter()

    def publish(
        self, peer: PeerRecord, publish: wire.PublishHeader, frames: Sequence[bytes], now: float, time_ns: int
    ) -> None:
        """Take a run, or withdraw what is retained.

        Raises:
            ProtocolError: it breaks a rule. Unless the reason is `leap` it counts as accepted, since it is
                not to be sent again.
        """
        life = peer.life
        if life.take_next(publish):
            self._take(peer, publish, body_of(frames), time_ns)
        elif publish.serial <= life.accepted:
            self.duplicates += 1
        else:
            life.check(publish)
            is_taken = False
            try:
                self._take(peer, publish, body_of(frames), time_ns)
                is_taken = True
            finally:
                self._lives.note(life, publish, is_topic_kept=is_taken)
        if not self._unconfirmed:
            self._accept_due = now + ACCEPT_DELAY_SECONDS
        self._unconfirmed[peer.route] = peer
        if self._lag:
            peer.lag_topics.add(publish.topic)
        peer.unconfirmed_runs += 1
        if peer.unconfirmed_runs >= ACCEPT_EVERY_RUNS:
            self._confirm(peer, now)

    def heard(self, subscriber: PeerRecord, heard: wire.HeardHeader, now: float) -> None:
        """A subscriber says how far it is; publishers that outrun it are told soon."""
        self._lag.heard(subscriber.route, heard.topic, heard.number, now)
        for route, peer in self._outrunning.items():
            if heard.topic in peer.lag_topics:
                if not self._unconfirmed:
                    self._accept_due = now + ACCEPT_DELAY_SECONDS
                self._unconfirmed[route] = peer

    def asked(self, peer: PeerRecord, now: float) -> None:
        """A peer sent PING: if it outran somebody, it may wait for news of it."""
        if peer.route in self._outrunning:
            self._confirm(peer, now)

    def unreadable(self, peer: PeerRecord, serial: int) -> None:
        """A PUBLISH came of which only the serial can be read. It is not to be sent again either."""
        if serial == peer.life.accepted + 1:
            peer.life.skip()

    def announce(self, event: Event, time_ns: int) -> None:
        """Publish an event of the broker itself."""
        topic = topic_of(type(event))
        self._own_serials[topic] += 1
        publish = wire.PublishHeader(1, topic, 1, self._own_serials[topic])
        self._out.on_feed.append(
            self._event_log.append(publish, wire.encode([event]), BROKER_NAME, self._event_log.epoch, time_ns)
        )

    def joined(self, peer: PeerRecord) -> None:
        """A peer is admitted: its life goes on, or begins."""
        self._retention.returned(peer.name)
        peer.life = self._lives.join(peer.name, peer.instance)

    def left(self, peer: PeerRecord, now: float, *, returning: bool) -> None:
        """A peer left. What a guest retains goes when it does not come back."""
        self._lives.leave(peer.name, peer.instance, peer.life, is_guest=peer.rights.is_guest)
        if peer.rights.is_guest:
            self.release(peer.name, now, returning=returning)

    def release(self, name: str, now: float, *, returning: bool) -> None:
        """Nobody keeps what was retained under this name, unless a peer of this name returns soon."""
        if returning and self._event_log.owners.held_by(name).sizes:
            self._retention.vanished(name, now)
        elif not returning:
            self._event_log.drop_retained(name)

    def forget_route(self, route: Route) -> None:
        """Nothing is to be confirmed on this connection any more."""
        self._unconfirmed.pop(route, None)
        self._outrunning.pop(route, None)
        self._lag.forget(route)

    def confirm_again(self, route: Route) -> None:
        """An ACCEPTED could not be sent; it is sent again with the next heartbeat."""
        self._accept_again.add(route)

    def tick(self, now: float) -> None:
        """Confirm what was delayed, and let go what guests retained that are gone for good."""
        if self._unconfirmed and now >= self._accept_due:
            for peer in list(self._unconfirmed.values()):
                self._confirm(peer, now)
        for name in self._retention.gone_for_good(now):
            self._event_log.drop_retained(name)

    def heartbeat(self, peers: dict[Route, PeerRecord], now: float) -> None:
        """Confirm again where it could not be sent, and where a subscriber was behind."""
        again, self._accept_again = self._accept_again | self._outrunning.keys(), set()
        for route in again & peers.keys():
            self._confirm(peers[route], now)

    def next_due(self) -> float | None:
        """When `tick` next has something to do."""
        gone_due = self._retention.next_due()
        if not self._unconfirmed:
            return gone_due
        return self._accept_due if gone_due is None else min(gone_due, self._accept_due)

    def _take(self, peer: PeerRecord, publish: wire.PublishHeader, body: bytes, time_ns: int) -> None:
        topic, key, rights = publish.topic, publish.key, peer.rights
        if topic not in rights.publishable:
            rights.check_publish(topic)
        if topic in KEYED_BY_PUBLISHER:
            rights.check_key(topic, key)
        wire.check_events(body, publish.count)
        if not publish.count:
            if key is None:
                raise ProtocolError("miscounted", "a run without events withdraws a key; expected one")
            self._event_log.withdraw(topic, key, peer.name)
            return
        log, source = self._event_log, (peer.name, peer.public_instance)
        try:
            message = log.append(publish, body, *source, time_ns, rights.is_guest)
        except ProtocolError as error:
            if error.reason != "topics_full" or not log.forget_topics(time_ns, self._is_present):
                raise
            message = log.append(publish, body, *source, time_ns, rights.is_guest)
        self._out.on_feed.append(message)

    def _confirm(self, peer: PeerRecord, now: float) -> None:
        peer.unconfirmed_runs = 0
        self._unconfirmed.pop(peer.route, None)
        behind = self._behind(peer, now) if peer.lag_topics else 0
        self._out.send(peer.route, wire.AcceptedHeader(peer.life.accepted, behind))

    def _behind(self, peer: PeerRecord, now: float) -> int:
        """By how much the slowest subscriber trails in what is confirmed, and where one trailed before."""
        trails = {topic: self._lag.behind(topic, now) for topic in peer.lag_topics}
        peer.lag_topics = {topic for topic, behind in trails.items() if behind > 0}
        if peer.lag_topics:
            self._outrunning[peer.route] = peer
        else:
            self._outrunning.pop(peer.route, None)
        return max(0, *trails.values())
