"""Carries requests to their servers, and outcomes back. Pure."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from bus import wire
from bus.broker.lane_messages import body_of
from bus.broker.log.event_log import EventLog
from bus.broker.membership.peer_record import PeerRecord, Route
from bus.broker.outgoing import Outgoing
from bus.broker.request_table import RequestTable
from bus.broker.service_book import ServiceBook
from bus.errors import ProtocolError
from bus.wire import Frame


class RequestRelay:
    """Sends what follows from the decisions of the request table."""

    def __init__(self, services: ServiceBook, event_log: EventLog, out: Outgoing, own_topic: str) -> None:
        self._services = services
        self._table = RequestTable(services)
        self._event_log = event_log
        self._out = out
        self._own_topic = own_topic

    def __len__(self) -> int:
        return len(self._table)

    def serve(self, peer: PeerRecord, serve: wire.ServeHeader, now: float) -> None:
        """A peer serves topics from now on.

        Raises:
            ProtocolError: it may not.
        """
        self._services.serve(peer, serve.topics, self._own_topic, now)
        self._out.send(peer.route, serve)

    def request(self, peer: PeerRecord, request: wire.RequestHeader, body: bytes, now: float) -> None:
        """A peer asks.

        Raises:
            ProtocolError: reasons `duplicate_request`, `not_yours`.
        """
        peer.rights.check_ask(request.topic)
        pending = self._table.begin(peer, request, now, self._event_log.sequence, len(body))
        if isinstance(pending, wire.FailedHeader):
            self._out.send(peer.route, pending)
        else:
            forwarded = wire.RequestHeader(
                pending.id, request.topic, request.timeout_ms, request.correlation, peer.name
            )
            self._out.send(pending.server.route, forwarded, body)

    def reply(self, peer: PeerRecord, reply: wire.ReplyHeader, frames: Sequence[bytes]) -> None:
        """A server replies.

        Raises:
            ProtocolError: it has no such request in hand, or the reply cannot be read.
        """
        pending = self._table.settle(peer, reply.id)
        try:
            body = body_of(frames)
            wire.check_event(body)
        except ProtocolError as error:
            self._out.send(
                pending.asker.route,
                pending.failed("invalid", f"the reply of {peer.name} cannot be read: {error}"),
            )
            raise
        is_newest = reply.serial in (0, peer.life.accepted)
        sequence = self._event_log.sequence if is_newest else pending.sequence
        replied = wire.RepliedHeader(pending.asked_id, self._event_log.epoch, sequence, peer.name)
        self._out.send(pending.asker.route, replied, body)

    def unreadable(self, peer: PeerRecord, id: int, error: ProtocolError) -> None:
        """A REPLY or FAILED came whose header cannot be read but for its id: it still ends the request."""
        with contextlib.suppress(ProtocolError):
            pending = self._table.settle(peer, id)
            self._out.send(
                pending.asker.route,
                pending.failed("invalid", f"the answer of {peer.name} cannot be read: {error}"),
            )

    def failed(self, peer: PeerRecord, failed: wire.FailedHeader) -> None:
        """A server says that there is no reply.

        Raises:
            ProtocolError: it has no such request in hand.
        """
        pending = self._table.settle(peer, failed.id)
        self._out.send(pending.asker.route, pending.failed(failed.kind, failed.message))

    def cancel(self, peer: PeerRecord, cancel: wire.CancelHeader) -> None:
        """The asking peer no longer waits."""
        pending = self._table.cancel(peer, cancel.id)
        if pending is not None:
            self._out.send(pending.server.route, wire.CancelHeader(pending.id))

    def unsent_request(self, frames: Sequence[Frame]) -> None:
        """A request could not be sent to its server, since too much waits for it."""
        header = wire.read_from_broker([bytes(frame) for frame in frames[:2]])
        pending = self._table.give_up(header.id) if isinstance(header, wire.RequestHeader) else None
        if pending is not None:
            self._out.send(
                pending.asker.route,
                pending.failed("busy", f"{pending.server.name} takes no more messages"),
            )

    def unsent_reply(self, route: Route, frames: Sequence[Frame]) -> None:
        """A reply could not be sent to the asking peer. It has its outcome all the same."""
        header = wire.read_from_broker([bytes(frame) for frame in frames[:2]])
        if isinstance(header, wire.RepliedHeader):
            message = f"the reply of {header.source} does not fit behind what you have not read"
            self._out.send(route, wire.FailedHeader(header.id, "busy", message))

    def expire(self, now: float) -> None:
        """End the requests whose time is over."""
        for pending in self._table.expire(now):
            self._out.send(pending.server.route, wire.CancelHeader(pending.id))
            self._out.send(
                pending.asker.route,
                pending.failed("deadline", f"{pending.server.name} did not answer {pending.topic} in time"),
            )

    def leave(self, peer: PeerRecord, now: float, *, returning: bool) -> None:
        """A peer left. The requests that it had in hand, and those that it made, end."""
        self._services.leave(peer, now, returning=returning)
        in_hand, asked = self._table.abandon(peer)
        message = f"{peer.name} ended while it had the request; it may or may not have been carried out"
        for pending in in_hand:
            self._out.send(pending.asker.route, pending.failed("died", message))
        for pending in asked:
            self._out.send(pending.server.route, wire.CancelHeader(pending.id))

    def next_deadline(self) -> float | None:
        """When the next request expires."""
        return self._table.next_deadline()
