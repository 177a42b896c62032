"""What the broker decides: whom it lets in, which event gets which place, which request goes where and how it ends.

Pure: it is handed messages and the time, and leaves what is to be sent in `outgoing` and `announced`.
"""

from __future__ import annotations

import hmac
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from bus import wire
from bus.broker.event_log import FeedMessage, Ledger
from bus.broker.peer_record import PeerRecord, Route
from bus.broker.request_table import Switchboard
from bus.broker.topic_rules import TopicRules
from bus.errors import FailureKind, ProtocolError
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
"""Acceptance is told after so many runs, or so late, or with a PONG: a message of its own for each run would cost more than the run."""

INSTANCE_LIMIT: Final = 4096
BROKER_NAME: Final = "broker"
STATISTICS_TOPIC: Final = topic_of(BusStatisticsRequestEvent)


class Routing:
    """The broker's mind."""

    def __init__(
        self,
        ledger: Ledger,
        token: str,
        rules: TopicRules,
        reach: Callable[[Route], bool],
        now: float,
        *,
        succession: bool = False,
    ) -> None:
        self.ledger = ledger
        self.outgoing: list[tuple[Route, list[Frame]]] = []
        self.announced: list[FeedMessage] = []
        self.refused: Counter[str] = Counter()
        self.messages = self.duplicates = self.requests = self.undeliverable = 0
        self._token = token.encode()
        self._rules = rules
        self._reach = reach
        self._began = now
        self._switchboard = Switchboard(rules, now, succession=succession)
        self._peers: dict[Route, PeerRecord] = {}
        self._names: dict[str, PeerRecord] = {}
        self._accepted: OrderedDict[str, int] = OrderedDict()
        self._untold: dict[Route, PeerRecord] = {}
        self._owed: set[Route] = set()
        self._tell_due = 0.0
        self._own_serials: Counter[str] = Counter()
        self._heartbeat_due = now + wire.HEARTBEAT_SECONDS

    def __repr__(self) -> str:
        return f"<Routing {self.ledger!r} peers={sorted(self._names)} pending={len(self._switchboard)}>"

    # -- what comes in
    # ---------------------------------------------------------------------------------------------

    def receive(self, route: Route, frames: Sequence[bytes], now: float, time_ns: int) -> None:
        """Take one lane message. Never raises for what a peer sent: it is refused with a reason, or ignored, and counted."""
        self.messages += 1
        try:
            header = wire.read_from_peer(frames)
            peer = self._peers.get(route)
            if isinstance(header, wire.Publish):
                self._publish(self._known(peer), header, frames, now, time_ns)
            elif isinstance(header, wire.Hello):
                self._hello(route, header, now, time_ns)
            else:
                self._handle(self._known(peer), header, frames, now, time_ns)
        except ProtocolError as error:
            self._refuse(route, frames, error)

    def _handle(
        self, peer: PeerRecord, header: wire.LaneHeader, frames: Sequence[bytes], now: float, time_ns: int
    ) -> None:
        match header:
            case wire.Request():
                self._request(peer, header, _body_of(frames), now)
            case wire.Reply():
                self._reply(peer, header, frames)
            case wire.Failed():
                self._failed(peer, header)
            case wire.Cancel():
                self._cancel(peer, header)
            case wire.Serve():
                self._serve(peer, header)
            case wire.Replay():
                lost, following, messages = self.ledger.replay(header.topic, header.first, header.last)
                self._send(
                    peer.route, wire.Replayed(header.id, header.topic, lost, following), *_flat(messages)
                )
            case wire.Snapshot():
                heads, messages = self.ledger.snapshot(header.patterns)
                self._send(
                    peer.route,
                    wire.Snapshotted(header.id, self.ledger.epoch, self.ledger.sequence, heads),
                    *([] if header.heads_only else _flat(messages)),
                )
            case wire.Ping():
                self._send(
                    peer.route, wire.Pong(header.id, self.ledger.epoch, self._accepted.get(peer.instance, 0))
                )
            case wire.Bye():
                self._leave(peer, now, time_ns, returning=header.returning, said_bye=True)
            case _:
                pass  # a PONG says that the peer was reached, which the send itself has shown

    def _known(self, peer: PeerRecord | None) -> PeerRecord:
        if peer is None:
            raise ProtocolError("unknown_peer", "say HELLO first")
        return peer

    def _hello(self, route: Route, hello: wire.Hello, now: float, time_ns: int) -> None:
        if hello.protocol != wire.PROTOCOL_VERSION:
            raise ProtocolError(
                "wrong_version",
                f"the peer speaks protocol {hello.protocol}, this broker speaks {wire.PROTOCOL_VERSION}",
            )
        if not hmac.compare_digest(hello.token.encode(), self._token):
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
        self._untold.pop(former.route, None)
        former.route = route
        self._peers[route] = self._names[hello.name] = former
        accepted = self._accepted.setdefault(hello.instance, 0)
        self._accepted.move_to_end(hello.instance)
        if len(self._accepted) > INSTANCE_LIMIT:
            self._forget_an_instance()
        self._send(
            route, wire.Welcome(wire.PROTOCOL_VERSION, self.ledger.epoch, accepted, self.ledger.sequence)
        )
        self._announce(PeerJoinedEvent(peer=hello.name, instance=hello.instance), time_ns)

    def _publish(
        self, peer: PeerRecord, publish: wire.Publish, frames: Sequence[bytes], now: float, time_ns: int
    ) -> None:
        if publish.serial <= self._accepted[peer.instance]:
            self.duplicates += 1
        else:
            body = _body_of(frames)
            try:
                self._rules.check_publish(publish.topic)
                wire.check_events(body, publish.count)
                self.announced.append(self.ledger.append(publish, body, peer.name, peer.instance, time_ns))
            finally:
                self._accepted[peer.instance] = (
                    publish.serial
                )  # a refused message is settled too: it is not to be sent again
        if not self._untold:
            self._tell_due = now + ACCEPT_DELAY_SECONDS
        self._untold[peer.route] = peer
        peer.untold_runs += 1
        if peer.untold_runs >= ACCEPT_EVERY_RUNS:
            self._tell_accepted(peer)

    def _tell_accepted(self, peer: PeerRecord) -> None:
        peer.untold_runs = 0
        self._untold.pop(peer.route, None)
        self._send(peer.route, wire.Accepted(self._accepted[peer.instance]))

    def _serve(self, peer: PeerRecord, serve: wire.Serve) -> None:
        self._switchboard.serve(peer, serve.topics, STATISTICS_TOPIC)
        self._send(peer.route, serve)

    def _request(self, peer: PeerRecord, request: wire.Request, body: bytes, now: float) -> None:
        self.requests += 1
        wire.check_event(body)
        if request.topic == STATISTICS_TOPIC:
            self._send(peer.route, wire.Reply(request.id), wire.encode(self.statistics(now)))
            return
        pending = self._switchboard.begin(peer, request, now)
        if isinstance(pending, wire.Failed):
            self._send(peer.route, pending)
        else:
            forwarded = wire.Request(
                pending.id, request.topic, request.timeout_ms, request.correlation, peer.name
            )
            self._send(pending.server.route, forwarded, body)

    def _reply(self, peer: PeerRecord, reply: wire.Reply, frames: Sequence[bytes]) -> None:
        pending = self._switchboard.settle(peer, reply.id)
        try:
            body = _body_of(frames)
            wire.check_event(body)
        except ProtocolError as error:
            self._send(
                pending.asker.route,
                pending.failed("invalid", f"the reply of {peer.name} cannot be read: {error}"),
            )
            raise
        self._send(pending.asker.route, wire.Reply(pending.asked_id), body)

    def _failed(self, peer: PeerRecord, failed: wire.Failed) -> None:
        pending = self._switchboard.settle(peer, failed.id)
        self._send(pending.asker.route, pending.failed(failed.kind, failed.message))

    def _cancel(self, peer: PeerRecord, cancel: wire.Cancel) -> None:
        pending = self._switchboard.cancel(peer, cancel.id)
        if pending is not None:
            self._send(pending.server.route, wire.Cancel(pending.id))

    # -- what the shell reports
    # ------------------------------------------------------------------------------------

    def unreachable(self, route: Route, now: float, time_ns: int) -> None:
        """The connection of a peer is gone."""
        peer = self._peers.get(route)
        if peer is not None:
            self._leave(peer, now, time_ns, returning=True, said_bye=False)

    def congested(self, route: Route, frames: Sequence[Frame]) -> None:
        """A message could not be sent, since too much waits for that peer: it is counted.

        A request fails as `busy`; acceptance is told again with the next heartbeat.
        """
        self.undeliverable += 1
        if frames[0] == b"ACCEPTED":
            self._owed.add(route)
        elif frames[0] == b"REQUEST":
            header = wire.read_from_peer([bytes(frame) for frame in frames[:2]])
            pending = self._switchboard.give_up(header.id) if isinstance(header, wire.Request) else None
            if pending is not None:
                self._send(
                    pending.asker.route,
                    pending.failed("busy", f"{pending.server.name} takes no more messages"),
                )

    def routes(self) -> list[Route]:
        """Connections of all peers."""
        return list(self._peers)

    def tick(self, now: float) -> list[Frame] | None:
        """Let time pass: requests reach their deadline, absent servers are forgotten; returns the heartbeat if one is due."""
        for pending in self._switchboard.expire(now):
            self._send(pending.server.route, wire.Cancel(pending.id))
            self._send(
                pending.asker.route,
                pending.failed("deadline", f"{pending.server.name} did not answer {pending.topic} in time"),
            )
        if self._untold and now >= self._tell_due:
            for peer in list(self._untold.values()):
                self._tell_accepted(peer)
        if now < self._heartbeat_due:
            return None
        self._heartbeat_due = now + wire.HEARTBEAT_SECONDS
        owed, self._owed = self._owed, set()
        for route in owed & self._peers.keys():
            self._tell_accepted(self._peers[route])
        return [
            wire.HEARTBEAT_TOPIC,
            wire.encode(wire.Heartbeat(self.ledger.epoch, self.ledger.sequence)),
            wire.encode(self.ledger.heads),
        ]

    def next_due(self) -> float:
        """When `tick` has something to do next."""
        deadline = self._switchboard.next_deadline()
        due = self._heartbeat_due if deadline is None else min(self._heartbeat_due, deadline)
        return min(due, self._tell_due) if self._untold else due

    def statistics(self, now: float) -> BusStatisticsEvent:
        """What was counted since this epoch began."""
        return BusStatisticsEvent(
            epoch=self.ledger.epoch,
            sequence=self.ledger.sequence,
            uptime_seconds=round(now - self._began, 3),
            messages=self.messages,
            duplicates=self.duplicates,
            requests=self.requests,
            undeliverable=self.undeliverable,
            refused=dict(self.refused),
            ring_events=self.ledger.ring_events,
            ring_bytes=self.ledger.ring_bytes,
            retained_keys=self.ledger.retained_keys,
            retained_bytes=self.ledger.retained_bytes,
            pending_requests=len(self._switchboard),
            peers=[
                PeerStatistics(
                    peer=peer.name,
                    instance=peer.instance,
                    in_hand=len(peer.in_hand),
                    serves=sorted(peer.services),
                )
                for _, peer in sorted(self._names.items())
            ],
            topics=dict(self.ledger.heads),
        )

    # -- what follows
    # ----------------------------------------------------------------------------------------------

    def _leave(self, peer: PeerRecord, now: float, time_ns: int, *, returning: bool, said_bye: bool) -> None:
        self._peers.pop(peer.route, None)
        if self._names.get(peer.name) is peer:
            del self._names[peer.name]
        self._untold.pop(peer.route, None)
        self._switchboard.leave(peer, now, returning=returning)
        self._abandon(peer)
        self._announce(PeerLeftEvent(peer=peer.name, instance=peer.instance, said_bye=said_bye), time_ns)

    def _abandon(self, peer: PeerRecord) -> None:
        """What a peer had in hand, and what it asked, was on a connection that is over."""
        in_hand, asked = self._switchboard.abandon(peer)
        message = f"{peer.name} ended while it had the request; it may or may not have been carried out"
        for pending in in_hand:
            self._send(pending.asker.route, pending.failed("died", message))
        for pending in asked:
            self._send(pending.server.route, wire.Cancel(pending.id))

    def _refuse(self, route: Route, frames: Sequence[bytes], error: ProtocolError) -> None:
        self.refused[error.reason] += 1
        if not frames or frames[0] in (b"REPLY", b"FAILED", b"PONG", b"CANCEL", b"BYE"):
            return  # nobody waits for an answer to these
        verb = frames[0][:16].decode("ascii", "replace")
        kind: FailureKind = "refused" if error.reason in _REFUSALS else "invalid"
        self._send(route, wire.Failed(_reference_of(frames), kind, str(error)[:1024], verb))

    def _announce(self, event: Event, time_ns: int) -> None:
        topic = topic_of(type(event))
        self._own_serials[topic] += 1
        publish = wire.Publish(1, topic, 1, self._own_serials[topic])
        self.announced.append(
            self.ledger.append(publish, wire.encode([event]), BROKER_NAME, self.ledger.epoch, time_ns)
        )

    def _forget_an_instance(self) -> None:
        connected = {peer.instance for peer in self._peers.values()}
        for instance in self._accepted:
            if instance not in connected:
                del self._accepted[instance]
                return

    def _send(self, route: Route, header: wire.LaneHeader, *body: Frame) -> None:
        self.outgoing.append((route, wire.lane_frames(header, *body)))


_REFUSALS: Final = {"wrong_token", "duplicate_name", "duplicate_service", "unknown_peer"}
_reference_decoder: Final = msgspec.msgpack.Decoder(list[msgspec.Raw])
_integer_decoder: Final = msgspec.msgpack.Decoder(int)


def _reference_of(frames: Sequence[bytes]) -> int:
    """Id or serial of a message that may be broken; 0 where it has none."""
    try:
        reference = _integer_decoder.decode(_reference_decoder.decode(frames[1])[0])
    except (*wire.UNREADABLE, IndexError):
        return 0
    return reference if 0 < reference < 2**63 else 0


def _body_of(frames: Sequence[bytes]) -> bytes:
    if len(frames) != 3:
        raise ProtocolError(
            "truncated", f"{frames[0].decode()} has {len(frames) - 2} body frames, expected 1"
        )
    return frames[2]


def _flat(messages: list[FeedMessage]) -> list[Frame]:
    return [frame for message in messages for frame in message]
