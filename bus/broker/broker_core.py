"""Broker core without sockets: takes frames and the time, and queues the frames to send. Pure.

It decides which peers it admits, which place each event gets, where each request goes and how it ends. What
is to be sent waits in `outgoing` (to one peer) and `announced` (on the feed).
"""

from __future__ import annotations

import hmac
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from typing import Final

from bus import wire
from bus.broker.event_log import EventLog, FeedMessage
from bus.broker.lane_messages import body_of, flattened, refusal_of
from bus.broker.peer_record import PeerRecord, Route
from bus.broker.request_table import RequestTable
from bus.broker.topic_rules import TopicRules
from bus.errors import ProtocolError
from bus.wire import Frame
from schemas.event import Event, topic_of
from schemas.operations.bus import (
    BusStatisticsEvent,
    BusStatisticsRequestEvent,
    PeerJoinedEvent,
    PeerLeftEvent,
    PeerStatistics,
)

ACCEPT_EVERY_RUNS: Final = 8
ACCEPT_DELAY_SECONDS: Final = 0.002
"""ACCEPTED leaves after this many runs or this delay: one a run would cost more than the run."""

INSTANCE_LIMIT: Final = 4096
"""Lives of peers whose highest accepted serial is remembered."""

BROKER_NAME: Final = "broker"
STATISTICS_TOPIC: Final = topic_of(BusStatisticsRequestEvent)


class BrokerCore:
    """Decides everything that the broker does.

    Attributes:
        event_log: numbers and keeps the events.
        outgoing: messages to single peers that are to be sent.
        announced: messages that are to be published on the feed.
        refused: reason to count, for messages that were refused.
        messages, duplicates: lane messages that came in, and repeated runs among them.
        requests, undeliverable: requests that came in; messages that a slow peer did not take.
    """

    def __init__(
        self,
        event_log: EventLog,
        token: str,
        rules: TopicRules,
        reach: Callable[[Route], bool],
        now: float,
        *,
        succession: bool = False,
    ) -> None:
        self.event_log = event_log
        self.outgoing: list[tuple[Route, list[Frame]]] = []
        self.announced: list[FeedMessage] = []
        self.refused: Counter[str] = Counter()
        self.messages = self.duplicates = self.requests = self.undeliverable = 0
        self._token = token.encode()
        self._rules = rules
        self._reach = reach
        self._began = now
        self._request_table = RequestTable(rules, now, succession=succession)
        self._peers: dict[Route, PeerRecord] = {}
        self._names: dict[str, PeerRecord] = {}
        self._accepted: OrderedDict[str, int] = OrderedDict()
        self._unconfirmed: dict[Route, PeerRecord] = {}
        self._accept_again: set[Route] = set()
        self._accept_due = 0.0
        self._own_serials: Counter[str] = Counter()
        self._heartbeat_due = now + wire.HEARTBEAT_SECONDS

    def __repr__(self) -> str:
        return (
            f"<BrokerCore {self.event_log!r} peers={sorted(self._names)} pending={len(self._request_table)}>"
        )

    # -- what comes in

    def receive(self, route: Route, frames: Sequence[bytes], now: float, time_ns: int) -> None:
        """Take one lane message. Never raises, whatever a peer sends: refuses with a reason, and counts."""
        self.messages += 1
        try:
            header = wire.read_from_peer(frames)
            peer = self._peers.get(route)
            if isinstance(header, wire.PublishHeader):
                self._publish(self._known(peer), header, frames, now, time_ns)
            elif isinstance(header, wire.HelloHeader):
                self._hello(route, header, now, time_ns)
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
                self._reply(peer, header, frames)
            case wire.FailedHeader():
                self._failed(peer, header)
            case wire.CancelHeader():
                self._cancel(peer, header)
            case wire.ServeHeader():
                self._serve(peer, header)
            case wire.ReplayHeader():
                lost, following, messages = self.event_log.replay(header.topic, header.first, header.last)
                self._send(
                    peer.route,
                    wire.ReplayedHeader(header.id, header.topic, lost, following, self.event_log.epoch),
                    *flattened(messages),
                )
            case wire.SnapshotHeader():
                heads, messages = self.event_log.snapshot(header.patterns)
                self._send(
                    peer.route,
                    wire.SnapshottedHeader(header.id, self.event_log.epoch, self.event_log.sequence, heads),
                    *([] if header.heads_only else flattened(messages)),
                )
            case wire.PingHeader():
                self._send(
                    peer.route,
                    wire.PongHeader(header.id, self.event_log.epoch, self._accepted.get(peer.instance, 0)),
                )
            case wire.ByeHeader():
                self._leave(peer, now, time_ns, returning=header.returning, said_bye=True)
            case _:
                pass  # a PONG shows that the peer was reached, as the send itself did

    def _known(self, peer: PeerRecord | None) -> PeerRecord:
        if peer is None:
            raise ProtocolError("unknown_peer", "say HELLO first")
        return peer

    def _hello(self, route: Route, hello: wire.HelloHeader, now: float, time_ns: int) -> None:
        if hello.protocol != wire.PROTOCOL_VERSION:
            raise ProtocolError(
                "wrong_version",
                f"the peer speaks protocol {hello.protocol}, this broker speaks {wire.PROTOCOL_VERSION}",
            )
        if not hmac.compare_digest(hello.credential.encode(), self._token):
            raise ProtocolError("wrong_token", "the token is not the one in runtime.json")
        if not wire.is_name(hello.name) or hello.name == BROKER_NAME:
            raise ProtocolError(
                "invalid_name", f"{hello.name!r} cannot name a peer; expected letters, digits, '_', '.', '-'"
            )
        present = self._peers.get(route)
        if present is not None and (present.name, present.instance) != (hello.name, hello.instance):
            raise ProtocolError("invalid_name", f"this connection is that of {present.name!r} already")
        former = self._names.get(hello.name)
        if former is not None and former.instance != hello.instance:
            if self._reach(former.route):
                raise ProtocolError("duplicate_name", f"another peer is named {hello.name!r}")
            self._leave(former, now, time_ns, returning=True, said_bye=False)
            former = None
        if former is None:
            former = PeerRecord(route, hello.name, hello.instance)
        if former.route != route:
            self._abandon(former)
        self._peers.pop(former.route, None)
        self._unconfirmed.pop(former.route, None)
        former.route = route
        self._peers[route] = self._names[hello.name] = former
        accepted = self._accepted.setdefault(hello.instance, 0)
        self._accepted.move_to_end(hello.instance)
        if len(self._accepted) > INSTANCE_LIMIT:
            self._forget_an_instance()
        self._send(
            route,
            wire.WelcomeHeader(
                wire.PROTOCOL_VERSION, self.event_log.epoch, accepted, self.event_log.sequence
            ),
        )
        self._announce(PeerJoinedEvent(peer=hello.name, instance=hello.instance), time_ns)

    def _publish(
        self, peer: PeerRecord, publish: wire.PublishHeader, frames: Sequence[bytes], now: float, time_ns: int
    ) -> None:
        if publish.serial <= self._accepted[peer.instance]:
            self.duplicates += 1
        else:
            body = body_of(frames)
            try:
                self._rules.check_publish(publish.topic)
                wire.check_events(body, publish.count)
                self.announced.append(self.event_log.append(publish, body, peer.name, peer.instance, time_ns))
            finally:
                self._accepted[peer.instance] = publish.serial  # a refused run is not sent again either
        if not self._unconfirmed:
            self._accept_due = now + ACCEPT_DELAY_SECONDS
        self._unconfirmed[peer.route] = peer
        peer.unconfirmed_runs += 1
        if peer.unconfirmed_runs >= ACCEPT_EVERY_RUNS:
            self._send_accepted(peer)

    def _send_accepted(self, peer: PeerRecord) -> None:
        peer.unconfirmed_runs = 0
        self._unconfirmed.pop(peer.route, None)
        self._send(peer.route, wire.AcceptedHeader(self._accepted[peer.instance]))

    def _serve(self, peer: PeerRecord, serve: wire.ServeHeader) -> None:
        self._request_table.serve(peer, serve.topics, STATISTICS_TOPIC)
        self._send(peer.route, serve)

    def _request(self, peer: PeerRecord, request: wire.RequestHeader, body: bytes, now: float) -> None:
        self.requests += 1
        wire.check_event(body)
        if request.topic == STATISTICS_TOPIC:
            self._send(peer.route, self._replied(request.id, BROKER_NAME), wire.encode(self.statistics(now)))
            return
        pending = self._request_table.begin(peer, request, now)
        if isinstance(pending, wire.FailedHeader):
            self._send(peer.route, pending)
        else:
            forwarded = wire.RequestHeader(
                pending.id, request.topic, request.timeout_ms, request.correlation, peer.name
            )
            self._send(pending.server.route, forwarded, body)

    def _reply(self, peer: PeerRecord, reply: wire.ReplyHeader, frames: Sequence[bytes]) -> None:
        pending = self._request_table.settle(peer, reply.id)
        try:
            body = body_of(frames)
            wire.check_event(body)
        except ProtocolError as error:
            self._send(
                pending.asker.route,
                pending.failed("invalid", f"the reply of {peer.name} cannot be read: {error}"),
            )
            raise
        self._send(pending.asker.route, self._replied(pending.asked_id, peer.name), body)

    def _replied(self, id: int, source: str) -> wire.RepliedHeader:
        return wire.RepliedHeader(id, self.event_log.epoch, self.event_log.sequence, source)

    def _failed(self, peer: PeerRecord, failed: wire.FailedHeader) -> None:
        pending = self._request_table.settle(peer, failed.id)
        self._send(pending.asker.route, pending.failed(failed.kind, failed.message))

    def _cancel(self, peer: PeerRecord, cancel: wire.CancelHeader) -> None:
        pending = self._request_table.cancel(peer, cancel.id)
        if pending is not None:
            self._send(pending.server.route, wire.CancelHeader(pending.id))

    # -- what the transport reports

    def unreachable(self, route: Route, now: float, time_ns: int) -> None:
        """The connection of a peer is gone."""
        peer = self._peers.get(route)
        if peer is not None:
            self._leave(peer, now, time_ns, returning=True, said_bye=False)

    def congested(self, route: Route, frames: Sequence[Frame]) -> None:
        """A message could not be sent, since too much waits for that peer. It is counted.

        A request fails as `busy`. An ACCEPTED is sent again with the next heartbeat.
        """
        self.undeliverable += 1
        if frames[0] == b"ACCEPTED":
            self._accept_again.add(route)
        elif frames[0] == b"REQUEST":
            header = wire.read_from_peer([bytes(frame) for frame in frames[:2]])
            pending = (
                self._request_table.give_up(header.id) if isinstance(header, wire.RequestHeader) else None
            )
            if pending is not None:
                self._send(
                    pending.asker.route,
                    pending.failed("busy", f"{pending.server.name} takes no more messages"),
                )

    def routes(self) -> list[Route]:
        """The connections of all peers."""
        return list(self._peers)

    def tick(self, now: float) -> list[Frame] | None:
        """Let time pass: expire requests, send what was delayed. Returns the heartbeat if one is due."""
        for pending in self._request_table.expire(now):
            self._send(pending.server.route, wire.CancelHeader(pending.id))
            self._send(
                pending.asker.route,
                pending.failed("deadline", f"{pending.server.name} did not answer {pending.topic} in time"),
            )
        if self._unconfirmed and now >= self._accept_due:
            for peer in list(self._unconfirmed.values()):
                self._send_accepted(peer)
        if now < self._heartbeat_due:
            return None
        self._heartbeat_due = now + wire.HEARTBEAT_SECONDS
        again, self._accept_again = self._accept_again, set()
        for route in again & self._peers.keys():
            self._send_accepted(self._peers[route])
        return [
            wire.HEARTBEAT_TOPIC,
            wire.encode(wire.HeartbeatHeader(self.event_log.epoch, self.event_log.sequence)),
            wire.encode(self.event_log.heads),
        ]

    def next_due(self) -> float:
        """When `tick` next has something to do."""
        deadline = self._request_table.next_deadline()
        due = self._heartbeat_due if deadline is None else min(self._heartbeat_due, deadline)
        return min(due, self._accept_due) if self._unconfirmed else due

    def statistics(self, now: float) -> BusStatisticsEvent:
        """What the broker counted since this epoch began."""
        return BusStatisticsEvent(
            epoch=self.event_log.epoch,
            sequence=self.event_log.sequence,
            uptime_seconds=round(now - self._began, 3),
            messages=self.messages,
            duplicates=self.duplicates,
            requests=self.requests,
            undeliverable=self.undeliverable,
            refused=dict(self.refused),
            ring_events=self.event_log.ring_events,
            ring_bytes=self.event_log.ring_bytes,
            retained_keys=self.event_log.retained_keys,
            retained_bytes=self.event_log.retained_bytes,
            pending_requests=len(self._request_table),
            peers=[
                PeerStatistics(
                    peer=peer.name,
                    instance=peer.instance,
                    in_hand=len(peer.in_hand),
                    serves=sorted(peer.services),
                )
                for _, peer in sorted(self._names.items())
            ],
            topics=dict(self.event_log.heads),
        )

    # -- what follows from it

    def _leave(self, peer: PeerRecord, now: float, time_ns: int, *, returning: bool, said_bye: bool) -> None:
        self._peers.pop(peer.route, None)
        if self._names.get(peer.name) is peer:
            del self._names[peer.name]
        self._unconfirmed.pop(peer.route, None)
        self._request_table.leave(peer, now, returning=returning)
        self._abandon(peer)
        self._announce(PeerLeftEvent(peer=peer.name, instance=peer.instance, said_bye=said_bye), time_ns)

    def _abandon(self, peer: PeerRecord) -> None:
        """End the requests that a peer had to answer, and those that it made: their connection is over."""
        in_hand, asked = self._request_table.abandon(peer)
        message = f"{peer.name} ended while it had the request; it may or may not have been carried out"
        for pending in in_hand:
            self._send(pending.asker.route, pending.failed("died", message))
        for pending in asked:
            self._send(pending.server.route, wire.CancelHeader(pending.id))

    def _refuse(self, route: Route, frames: Sequence[bytes], error: ProtocolError) -> None:
        self.refused[error.reason] += 1
        refusal = refusal_of(frames, error)
        if refusal is not None:
            self._send(route, refusal)

    def _announce(self, event: Event, time_ns: int) -> None:
        topic = topic_of(type(event))
        self._own_serials[topic] += 1
        publish = wire.PublishHeader(1, topic, 1, self._own_serials[topic])
        self.announced.append(
            self.event_log.append(publish, wire.encode([event]), BROKER_NAME, self.event_log.epoch, time_ns)
        )

    def _forget_an_instance(self) -> None:
        connected = {peer.instance for peer in self._peers.values()}
        for instance in self._accepted:
            if instance not in connected:
                del self._accepted[instance]
                return

    def _send(self, route: Route, header: wire.LaneHeader, *body: Frame) -> None:
        self.outgoing.append((route, wire.lane_frames(header, *body)))
