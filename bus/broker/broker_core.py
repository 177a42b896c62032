"""Broker core without sockets: takes frames and the time, and queues the frames to send. Pure.

It decides which peers it admits, which place each event gets, where each request goes and how it ends, each
by a part of its own. What is to be sent waits in `out`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from bus import wire
from bus.broker.acceptance import Acceptance
from bus.broker.backlog import Backlog
from bus.broker.lane_messages import body_of, refusal_of
from bus.broker.log.event_log import EventLog
from bus.broker.log_reader import LogReader
from bus.broker.membership.liveness_pings import LivenessPing, LivenessPings
from bus.broker.membership.peer_record import PeerRecord, Route
from bus.broker.membership.peer_registry import (
    BROKER_NAME,
    PEER_LIMIT,
    Change,
    Joined,
    Left,
    PeerRegistry,
    Told,
    version_sentence,
)
from bus.broker.outgoing import Outgoing
from bus.broker.request_relay import RequestRelay
from bus.broker.roster import Roster
from bus.broker.service_book import ServiceBook
from bus.errors import ProtocolError
from bus.wire import Frame
from schemas.event import topic_of
from schemas.operations.bus import (
    BusStatisticsEvent,
    BusStatisticsRequestEvent,
    PeerJoinedEvent,
    PeerLeftEvent,
    PeerStatistics,
)

STATISTICS_TOPIC: Final = topic_of(BusStatisticsRequestEvent)


class BrokerCore:
    """Decides everything that the broker does.

    Attributes:
        event_log: numbers and keeps the events.
        out: what is to be sent.
        refused: reason to count, for messages that were refused.
        messages: lane messages that came in.
        requests, undeliverable: requests that came in; messages that a slow peer did not take.
    """

    def __init__(
        self,
        event_log: EventLog,
        token: str,
        roster: Roster,
        reach: Callable[[Route], bool],
        now: float,
        *,
        succession: bool = False,
        peer_limit: int = PEER_LIMIT,
    ) -> None:
        """Begin without peers.

        Args:
            event_log: numbers and keeps the events.
            token: what guests present.
            roster: who may join under which name, and what each peer may do.
            reach: tells whether the connection of a peer is still there.
            now: the time.
            succession: a former broker ended just before, so servers are due back.
            peer_limit: most peers at a time.
        """
        self.event_log = event_log
        self.out = Outgoing()
        self.refused: Counter[str] = Counter()
        self.messages = self.requests = self.undeliverable = 0
        self._began = now
        self._registry = PeerRegistry(token, roster, reach, peer_limit)
        self._peers = self._registry.by_route
        self._acceptance = Acceptance(event_log, self.out, self._is_present)
        self._reader = LogReader(event_log, self.out)
        self._backlog = Backlog()
        services = ServiceBook(now, succession=succession)
        self._relay = RequestRelay(services, event_log, self.out, STATISTICS_TOPIC)
        self._liveness = LivenessPings()
        self._heartbeat_due = now + wire.HEARTBEAT_SECONDS

    def __repr__(self) -> str:
        names = sorted(self._registry.by_name)
        return f"<BrokerCore {self.event_log!r} peers={names} pending={len(self._relay)}>"

    def use(self, roster: Roster, now: float) -> None:
        """Another roster holds from now on."""
        for name in self._registry.use(roster):
            self._acceptance.release(name, now, returning=True)

    def ask_liveness(self, ping: LivenessPing) -> None:
        """The supervisor wants to know whether a peer answers."""
        peer = self._registry.by_name.get(ping.peer)
        id = self._liveness.ask(ping, is_connected=peer is not None)
        if peer is not None:
            self.out.send(peer.route, wire.PingHeader(id))

    def liveness_answers(self) -> Sequence[LivenessPing]:
        """What became of such questions since the last call."""
        return self._liveness.take_answered()

    # -- what comes in

    def receive(self, route: Route, frames: Sequence[bytes], now: float, time_ns: int) -> None:
        """Take one lane message. Never raises, whatever a peer sends: refuses with a reason, and counts."""
        self.messages += 1
        try:
            header = wire.read_from_peer(frames)
            peer = self._peers.get(route)
            if isinstance(header, wire.PublishHeader):
                self._acceptance.publish(self._known(peer), header, frames, now, time_ns)
            elif isinstance(header, wire.HelloHeader):
                self._follow(self._registry.hello(route, header, now), now, time_ns)
            else:
                self._handle(self._known(peer), header, frames, now, time_ns)
        except ProtocolError as error:
            self._refuse(route, frames, error)

    def _handle(
        self, peer: PeerRecord, header: wire.LaneHeader, frames: Sequence[bytes], now: float, time_ns: int
    ) -> None:
        match header:
            case wire.RequestHeader():
                self._request(peer, header, body_of(frames), now)
            case wire.ReplyHeader():
                self._relay.reply(peer, header, frames)
            case wire.FailedHeader():
                self._relay.failed(peer, header)
            case wire.CancelHeader():
                self._relay.cancel(peer, header)
            case wire.ServeHeader():
                self._relay.serve(peer, header, now)
            case wire.ReplayHeader() | wire.SnapshotHeader():
                self._reader.read(peer.route, header, len(frames[1]))
            case wire.PongHeader():
                self._reader.pong(peer.route, header.id)
                self._liveness.pong(peer.name, header.id)
                self._follow(self._registry.pong(peer, header), now, time_ns)
            case wire.HeardHeader():
                self._acceptance.heard(peer, header, now)
            case wire.PingHeader():
                self._acceptance.asked(peer, now)
                pong = wire.PongHeader(header.id, self.event_log.epoch, peer.life.accepted)
                self.out.send(peer.route, pong)
            case wire.ByeHeader():
                self._follow(self._registry.bye(peer, returning=header.returning), now, time_ns)
            case _:
                pass

    def _known(self, peer: PeerRecord | None) -> PeerRecord:
        if peer is None:
            raise ProtocolError("unknown_peer", "say HELLO first")
        return peer

    def _request(self, peer: PeerRecord, request: wire.RequestHeader, body: bytes, now: float) -> None:
        self.requests += 1
        wire.check_event(body)
        if request.topic == STATISTICS_TOPIC:
            log = self.event_log
            replied = wire.RepliedHeader(request.id, log.epoch, log.sequence, BROKER_NAME)
            self.out.send(peer.route, replied, wire.encode(self.statistics(now)))
        else:
            self._relay.request(peer, request, body, now)

    # -- what the transport reports

    def unreachable(self, route: Route, now: float, time_ns: int) -> None:
        """The connection of a peer is gone."""
        self._follow(self._registry.gone(route), now, time_ns)
        self._forget_route(route)

    def congested(self, route: Route, frames: list[Frame], now: float, time_ns: int) -> None:
        """A message could not be sent, since too much waits for that peer.

        What has a body is dropped, and fails as `busy`. An ACCEPTED is sent again with the next heartbeat.
        All else is kept until there is room. A peer that takes nothing at all is cut off, so that its client
        knows.
        """
        match frames[0]:
            case b"ACCEPTED":
                self._acceptance.confirm_again(route)
            case b"REQUEST":
                self.undeliverable += 1
                self._relay.unsent_request(frames)
            case b"REPLY":
                self.undeliverable += 1
                self._relay.unsent_reply(route, frames)
            case b"REPLAY" | b"SNAPSHOT":
                self.undeliverable += 1
                self._reader.unsent(route, frames)
            case _ if not self._backlog.keep(route, frames, now):
                self.out.cut.append(route)
                self.unreachable(route, now, time_ns)

    def is_congested(self, route: Route) -> bool:
        """Whether messages for this connection wait already: further ones have to wait behind them."""
        return route in self._backlog

    def knows(self, route: Route) -> bool:
        """Whether the peer of a connection is admitted."""
        return route in self._peers

    def routes(self) -> list[Route]:
        """The connections of all peers, and of those that wait for a name."""
        return self._registry.routes()

    def tick(self, now: float, time_ns: int) -> list[Frame] | None:
        """Let time pass: expire requests, send what was delayed. Returns the heartbeat if one is due."""
        self._follow(self._registry.tick(now), now, time_ns)
        self._relay.expire(now)
        self._acceptance.tick(now)
        self.out.to_peers.extend(self._backlog.take_due(now))
        if now < self._heartbeat_due:
            return None
        self._heartbeat_due = now + wire.HEARTBEAT_SECONDS
        self._acceptance.heartbeat(self._peers, now)
        return [
            wire.HEARTBEAT_TOPIC,
            wire.encode(wire.HeartbeatHeader(self.event_log.epoch, self.event_log.sequence)),
            wire.encode(self.event_log.heads),
        ]

    def next_due(self) -> float:
        """When `tick` next has something to do."""
        others = (
            self._relay.next_deadline(),
            self._acceptance.next_due(),
            self._backlog.next_due(),
            self._registry.next_due(),
        )
        return min([self._heartbeat_due, *(due for due in others if due is not None)])

    def statistics(self, now: float) -> BusStatisticsEvent:
        """What the broker counted since this epoch began."""
        return BusStatisticsEvent(
            epoch=self.event_log.epoch,
            sequence=self.event_log.sequence,
            uptime_seconds=round(now - self._began, 3),
            messages=self.messages,
            duplicates=self._acceptance.duplicates,
            requests=self.requests,
            undeliverable=self.undeliverable,
            refused=dict(self.refused),
            ring_events=self.event_log.ring_events,
            ring_bytes=self.event_log.ring_bytes,
            retained_keys=len(self.event_log.retained),
            retained_bytes=self.event_log.retained.size_bytes,
            pending_requests=len(self._relay),
            peers=[self._statistics_of(peer) for _, peer in sorted(self._registry.by_name.items())],
            topics=dict(self.event_log.heads),
        )

    def _statistics_of(self, peer: PeerRecord) -> PeerStatistics:
        held = self.event_log.owners.held_by(peer.name)
        return PeerStatistics(
            peer=peer.name,
            instance=peer.public_instance,
            in_hand=len(peer.in_hand),
            serves=sorted(peer.services),
            role=peer.rights.role,
            retained_keys=len(held.sizes),
            retained_bytes=held.size_bytes,
            topics=self.event_log.quotas.begun_by(peer.name),
        )

    # -- what follows from it

    def _follow(self, changes: Iterable[Change], now: float, time_ns: int) -> None:
        """Tell everybody, and the other parts, who came and went."""
        for change in changes:
            match change:
                case Left(peer=peer, returning=returning, said_bye=said_bye):
                    self._forget_route(peer.route)
                    self._liveness.left(peer.name)
                    self._acceptance.left(peer, now, returning=returning)
                    self._relay.leave(peer, now, returning=returning)
                    event = PeerLeftEvent(peer=peer.name, instance=peer.public_instance, said_bye=said_bye)
                    self._acceptance.announce(event, time_ns)
                case Joined(peer=peer, is_new=True):
                    self._acceptance.joined(peer)
                    self._welcome(peer)
                    joined = PeerJoinedEvent(peer=peer.name, instance=peer.public_instance)
                    self._acceptance.announce(joined, time_ns)
                case Joined(peer=peer):
                    self._welcome(peer)
                case Told(route=route, header=header):
                    if isinstance(header, wire.FailedHeader):
                        self.refused[header.message.partition(":")[0]] += 1
                    self.out.send(route, header)

    def _forget_route(self, route: Route) -> None:
        """Nothing is to be sent on this connection any more."""
        self._acceptance.forget_route(route)
        self._reader.forget(route)
        self._backlog.forget(route)

    def _welcome(self, peer: PeerRecord) -> None:
        log = self.event_log
        self.out.send(
            peer.route,
            wire.WelcomeHeader(
                wire.PROTOCOL_VERSION,
                log.epoch,
                peer.life.accepted,
                log.sequence,
                peer.public_instance,
                peer.rights.role,
            ),
        )

    def _is_present(self, name: str) -> bool:
        return name in self._registry.by_name

    def _refuse(self, route: Route, frames: Sequence[bytes], error: ProtocolError) -> None:
        error = self._understand(route, frames, error)
        self.refused[error.reason] += 1
        refusal = refusal_of(frames, error)
        if refusal is not None:
            self.out.send(route, refusal)

    def _understand(self, route: Route, frames: Sequence[bytes], error: ProtocolError) -> ProtocolError:
        """Draw the consequences of a header of which only the first field can be read."""
        if error.reason not in ("malformed", "oversize") or len(frames) < 2:
            return error
        peer, first = self._peers.get(route), wire.reference_of(frames)
        if frames[0] == b"HELLO" and first not in (0, wire.PROTOCOL_VERSION):
            return ProtocolError("wrong_version", version_sentence(first))
        if peer is not None and frames[0] == b"PUBLISH":
            self._acceptance.unreadable(peer, first)
        elif peer is not None and frames[0] in (b"REPLY", b"FAILED"):
            self._relay.unreadable(peer, first, error)
        return error
