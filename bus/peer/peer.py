"""One participant of the bus: publishes, requests, serves and subscribes, over any transport."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import Any, Final, TypeVar, overload

import msgspec

from bus import wire
from bus.errors import HelloRefused, ProtocolError, PublishRefused, RequestFailed
from bus.peer.admission import Admission
from bus.peer.past_events import PastEvents
from bus.peer.peer_statistics import Statistics
from bus.peer.publisher import Publisher
from bus.peer.requester import Requester
from bus.peer.responder import IncomingRequest, Responder
from bus.peer.subscriber import Subscriber
from bus.peer.subscription import Received, Subscription, patterns_of
from bus.transport.transport import Transport, TransportHandlers
from bus.wire import Frame
from schemas.event import Event, ReplyT, Request, reply_type_of, topic_of
from schemas.operations.bus import GapEvent

REQUEST_TIMEOUT_SECONDS: Final = 5.0
LEAVE_LINGER_SECONDS: Final = 0.2

correlation: ContextVar[str | None] = ContextVar("correlation", default=None)
"""Id of the matter at hand. Everything that is published or requested carries it on."""

FirstT = TypeVar("FirstT", bound=Event)
SecondT = TypeVar("SecondT", bound=Event)


class Peer:
    """One participant of the bus. Made by `bus.client.connect`.

    Attributes:
        name: what other peers and the broker call it.
    """

    def __init__(self, transport: Transport, name: str, credential: str) -> None:
        self.name = name
        self._instance = os.urandom(16).hex()  # only the broker may know it: it proves who reconnects
        self._transport = transport
        self._credential = credential
        self._ignored: Counter[str] = Counter()
        self._admission = Admission()
        self._publisher = Publisher(self._send)
        self._requester = Requester(self._send, self._admission)
        self._responder = Responder(name, self._send, self._ignored)
        self._subscriber = Subscriber(transport, self._requester, self._admission)
        self._replies: dict[type[Event], tuple[str, msgspec.msgpack.Decoder[Any]]] = {}
        self._is_closed = False

    def __repr__(self) -> str:
        return (
            f"<Peer {self.name} epoch={self.epoch} {self._publisher.outbox!r} asked={len(self._requester)}>"
        )

    @property
    def is_connected(self) -> bool:
        """Whether a broker has admitted this peer, and the connection stands as far as is known."""
        return self._admission.is_admitted

    @property
    def epoch(self) -> str:
        """The life of the broker that admitted this peer last; empty before the first time."""
        return self._admission.epoch

    @property
    def public_instance(self) -> str:
        """Id of this life of the peer as everybody sees it; empty before the broker admits it."""
        return self._admission.public_instance

    @property
    def role(self) -> str:
        """What the broker takes this peer for: `named` if it proved its name, else `guest`."""
        return self._admission.role

    @property
    def is_displaced(self) -> bool:
        """Whether another peer has taken this name. This one has left for good."""
        return self._admission.is_displaced

    @property
    def welcomes(self) -> int:
        """How often a broker admitted this peer."""
        return self._admission.welcomes

    # -- publish

    async def publish(self, event: Event) -> None:
        """Hand an event to every subscriber. Waits only while too much is under way.

        The event has its place in the order once the broker has accepted it; `settled` waits for that.

        Raises:
            ProtocolError: the event is larger than 16 MiB.
            PublishRefused: reason `left`: this peer was closed while it waited.
        """
        self._publisher.post(event, correlation.get())
        if not self._publisher.outbox.has_room:
            await self._publisher.wait_for_room()

    def post(self, event: Event) -> None:
        """Publish from synchronous code, without ever waiting. The caller limits how much it posts.

        Raises:
            ProtocolError: the event is larger than 16 MiB.
        """
        self._publisher.post(event, correlation.get())

    @property
    def has_room(self) -> bool:
        """Whether an event that is posted now is likely to leave soon. False while too much is under way."""
        return self._publisher.outbox.has_room

    async def sent(self) -> None:
        """Wait until everything published so far is on its way, so that a later reply or request follows it.

        Seldom waits at all. An actor need not call it: its loop does so before each reply.

        Raises:
            PublishRefused: reason `left`: this peer was closed before.
        """
        await self._publisher.wait_until_sent()

    async def settled(self) -> None:
        """Wait until the broker has accepted everything published so far.

        Raises:
            PublishRefused: the broker gave one of these events no place in the order; reason `left`: this
                peer was closed before.
        """
        await self._publisher.wait_until_settled()

    # -- request and serve

    async def request(
        self, event: Request[ReplyT], timeout_seconds: float = REQUEST_TIMEOUT_SECONDS
    ) -> ReplyT:
        """Send a request, and wait for its reply.

        Raises:
            RequestFailed: there is no reply; its `kind` says why.
        """
        known = self._replies.get(type(event))
        if known is None:
            known = self._replies[type(event)] = (
                topic_of(type(event)),
                msgspec.msgpack.Decoder(reply_type_of(type(event))),
            )
        topic, decoder = known
        reply = await self._requester.request(topic, wire.encode(event), timeout_seconds, correlation.get())
        try:
            return decoder.decode(reply)  # type: ignore[no-any-return]  # it decodes to the declared reply
        except wire.UNREADABLE as error:
            raise RequestFailed(
                "invalid", f"the reply does not fit {reply_type_of(type(event)).__name__}: {error}", topic
            ) from error

    async def request_raw(
        self, topic: str, event: dict[str, Any], timeout_seconds: float = REQUEST_TIMEOUT_SECONDS
    ) -> Any:
        """Send a request of a topic that the contract does not know, as plain data.

        Raises:
            RequestFailed: there is no reply; its `kind` says why.
        """
        reply = await self._requester.request(topic, wire.encode(event), timeout_seconds, correlation.get())
        try:
            return msgspec.msgpack.decode(reply)
        except wire.UNREADABLE as error:
            raise RequestFailed("invalid", f"the reply cannot be read: {error}", topic) from error

    async def serve(
        self, request_types: Iterable[type[Request[Any]] | str], on_request: Callable[[IncomingRequest], None]
    ) -> None:
        """Serve requests of these types from now on, on every connection. Returns once the broker agrees.

        Raises:
            RequestFailed: kind `refused`: another peer serves one of them; kind `invalid`: there is no such
                topic.
        """
        topics = tuple(item if isinstance(item, str) else topic_of(item) for item in request_types)
        if topics:
            await self._responder.begin(topics, on_request)

    # -- subscribe

    @overload
    def subscribe(self, first: type[FirstT], /) -> Subscription[FirstT | GapEvent]: ...
    @overload
    def subscribe(
        self, first: type[FirstT], second: type[SecondT], /
    ) -> Subscription[FirstT | SecondT | GapEvent]: ...
    @overload
    def subscribe(self, *what: type[Event] | str) -> Subscription[Any]: ...
    def subscribe(self, *what: type[Event] | str) -> Subscription[Any]:
        """Hear events of these types or patterns (`config.*`, `*`), retained ones first.

        Events that are lost for good show as `GapEvent`:

            async with peer.subscribe(SettingsChangedEvent) as events:
                async for event in events: ...
        """
        decoders = self._subscriber.decoders
        return Subscription(self._subscriber, patterns_of(what, decoders.learn), decoders)

    async def retained(self, event_type: type[FirstT]) -> list[FirstT]:
        """The events of a topic that the broker retains now: the last one of each key.

        Raises:
            RequestFailed: the broker does not answer.
        """
        async with self.subscribe(event_type) as events:
            pass  # a subscription has them before it is joined, and keeps them after it is left
        return [event async for event in events if isinstance(event, event_type)]

    async def past(self, correlation: str) -> list[Received]:
        """Events of one matter that the broker still keeps, in their order. For tools.

        Raises:
            RequestFailed: the broker refused, or was lost meanwhile.
        """
        return await PastEvents(self._requester).of_matter(correlation)

    def statistics(self) -> Statistics:
        """What this peer counted since it was made."""
        ordering, outbox = self._subscriber.ordering, self._publisher.outbox
        return Statistics(
            published=outbox.published,
            accepted=outbox.accepted_events,
            resent_runs=outbox.resent_runs,
            delivered=ordering.delivered,
            skipped=ordering.skipped,
            lost=ordering.lost,
            replays=ordering.fetches,
            asked=self._requester.asked,
            welcomes=self.welcomes,
            undecodable=self._subscriber.undecodable,
            ignored=dict(self._ignored + self._subscriber.ignored),
        )

    # -- connection

    def start(self) -> None:
        """Begin to connect."""
        self._transport.start(
            TransportHandlers(
                connected=self._say_hello,
                disconnected=self._disconnected,
                lane=self._lane,
                feed=self._subscriber.feed,
                welcomed=self._subscriber.feed_welcomed,
                denied=self._denied,
            )
        )

    async def wait_until_welcome(self, timeout_seconds: float) -> None:
        """Wait for the broker to admit this peer.

        Raises:
            HelloRefused: it refuses.
            TimeoutError: it does not answer.
        """
        async with asyncio.timeout(timeout_seconds):
            await self._admission.wait()

    async def wait_until_lost(self) -> None:
        """Wait until the lane has no connection to a broker that admits this peer."""
        await self._admission.wait_until_lost()

    def move(self, transport: Transport, credential: str) -> None:
        """Continue with the broker of a runtime that was started anew. To this peer it is one more epoch."""
        if self.is_displaced or self._is_closed:
            transport.close()
            return
        self._disconnected()
        self._transport.close()
        self._transport, self._credential = transport, credential
        self._subscriber.move(transport)
        self._admission.start_over()
        self.start()

    def close(self, *, returning: bool = False) -> None:
        """Leave the bus. What still waits for something fails.

        Args:
            returning: the peer will be back; requests to it fail as `restarting` until then.
        """
        if self._is_closed:
            return
        self._is_closed = True
        self._publisher.close()
        self._send(wire.lane_frames(wire.ByeHeader(returning)))
        self._admission.end()
        self._responder.close()
        self._subscriber.close()
        self._requester.close()
        self._transport.close(LEAVE_LINGER_SECONDS)

    def _send(self, frames: list[Frame]) -> None:
        if self._admission.is_admitted:
            self._transport.send(frames)

    def _say_hello(self) -> None:
        hello = wire.HelloHeader(wire.PROTOCOL_VERSION, self.name, self._instance, self._credential)
        self._transport.send(wire.lane_frames(hello))

    def _disconnected(self) -> None:
        if self._admission.lose():
            self._transport.discard_unsent()
            self._publisher.disconnected()
            self._responder.disconnected()
            self._requester.fail_all(
                "died",
                "the connection to the broker was lost; the request may or may not have been carried out",
            )

    def _refused(self, message: str) -> None:
        reason, _, detail = message.partition(": ")
        refusal = HelloRefused(self.name, reason, detail)
        if reason != "displaced":
            self._admission.refuse(refusal)
            return
        self._disconnected()
        self._admission.displace(refusal)
        self._publisher.close(PublishRefused("*", reason, detail))
        self._responder.close()
        self._subscriber.close(refusal)
        self._transport.close()

    def _denied(self, detail: str) -> None:
        self._admission.refuse(HelloRefused(self.name, "wrong_key", detail))

    def _lane(self, frames: list[bytes]) -> None:
        try:
            header = wire.read_from_broker(frames)
        except ProtocolError as error:
            self._ignored[error.reason] += 1
            return
        match header:
            case wire.AcceptedHeader():
                self._publisher.accepted(header.serial)
            case wire.RepliedHeader() if len(frames) != 3:
                self._requester.fail(
                    header.id, "invalid", f"the reply has {len(frames) - 2} body frames; expected 1"
                )
            case wire.RepliedHeader() | wire.ReplayedHeader() | wire.SnapshottedHeader():
                if not self._requester.settle(header, frames[2:]):
                    self._ignored["unknown_request"] += 1
            case wire.FailedHeader():
                self._failed(header)
            case wire.RequestHeader():
                self._responder.requested(header, frames)
            case wire.CancelHeader():
                self._responder.cancelled(header.id)
            case wire.ServeHeader():
                self._responder.confirmed(None)
            case wire.WelcomeHeader():
                self._welcomed(header)
            case wire.PingHeader():
                self._send(wire.lane_frames(wire.PongHeader(header.id)))
            case wire.PongHeader():
                if header.epoch == self.epoch:
                    self._publisher.accepted(header.accepted)
            case _:
                self._ignored["wrong_verb"] += 1

    def _welcomed(self, welcome: wire.WelcomeHeader) -> None:
        if self.is_connected and welcome.epoch == self.epoch:
            return
        self._admission.admit(welcome.epoch, welcome.instance or self._instance, welcome.role)
        self._publisher.welcomed(welcome.epoch, welcome.accepted)
        self._responder.welcomed()
        self._subscriber.lane_welcomed(welcome.epoch)

    def _failed(self, failed: wire.FailedHeader) -> None:
        if failed.message.startswith("unknown_peer"):
            return  # sent before the broker knew this connection; what matters is sent again after WELCOME
        if failed.verb == "PUBLISH":
            self._publisher.refused(failed.id, failed.message)
        elif failed.verb == "SERVE":
            self._responder.confirmed(failed)
        elif failed.verb == "HELLO":
            self._refused(failed.message)
        elif not self._requester.settle(failed, []):
            self._ignored["unknown_request"] += 1
