"""One participant of the bus: publishes, requests, serves and subscribes, over any transport."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar, overload

import msgspec

from bus.errors import RequestFailed
from bus.peer.feed.follower import COMPANY, Follower
from bus.peer.feed.merge_order import Place
from bus.peer.feed.past_events import PastEvents
from bus.peer.feed.subscription import Received, Subscription
from bus.peer.feed.topic_decoders import NOT_READ, patterns_of
from bus.peer.lane.responder import IncomingRequest
from bus.peer.matter import matter_at_hand, matter_of
from bus.peer.peer_link import PeerLink
from bus.peer.peer_statistics import Statistics, statistics_of
from bus.transport.transport import Transport
from bus.wire import check_encoded, check_plain_event, encode_checked, is_open
from schemas.event import Event, ReplyT, Request, reply_type_of, topic_of
from schemas.operations.bus import GapEvent

REQUEST_TIMEOUT_SECONDS: Final = 5.0

FirstT = TypeVar("FirstT", bound=Event)
SecondT = TypeVar("SecondT", bound=Event)


class Peer:
    """One participant of the bus. Made by `bus.client.connect`.

    Attributes:
        name: what other peers and the broker call it.
    """

    def __init__(self, transport: Transport, name: str, credential: str) -> None:
        self.name = name
        self._link = PeerLink(transport, name, credential)
        self._publisher = self._link.publisher
        self._replies: dict[type[Event], tuple[str, msgspec.msgpack.Decoder[Any]]] = {}

    def __repr__(self) -> str:
        link = self._link
        return f"<Peer {self.name} epoch={self.epoch} {link.publisher.outbox!r} asked={len(link.requester)}>"

    @property
    def is_connected(self) -> bool:
        """Whether a broker has admitted this peer, and the connection stands as far as is known."""
        return self._link.admission.is_admitted

    @property
    def epoch(self) -> str:
        """The life of the broker that admitted this peer last; empty before the first time."""
        return self._link.admission.epoch

    @property
    def public_instance(self) -> str:
        """Id of this life of the peer as everybody sees it; empty before the broker admits it."""
        return self._link.admission.public_instance

    @property
    def role(self) -> str:
        """What the broker takes this peer for: `named` if it proved its name, else `guest`."""
        return self._link.admission.role

    @property
    def is_displaced(self) -> bool:
        """Whether another peer has taken this name. This one has left for good."""
        return self._link.admission.is_displaced

    @property
    def welcomes(self) -> int:
        """How often a broker admitted this peer."""
        return self._link.admission.welcomes

    # -- publish

    async def publish(
        self, event: Event, *, correlation: str | None = None, wait_for_subscribers: bool = False
    ) -> None:
        """Hand an event to every subscriber. Waits only while too much is under way.

        The event has its place in the order once the broker has accepted it; `settled` waits for that.

        Args:
            event: what happened.
            correlation: id of the matter that it belongs to; None: that in `bus.client.correlation`.
            wait_for_subscribers: first wait while the slowest subscriber trails by more than 16,384 events,
                so that it loses none. For at most a second: one that hangs does not stop this publisher.

        Raises:
            ProtocolError: the event is larger than 16 MiB, or no client could read it.
            PublishRefused: reason `left` or `displaced`: this peer was closed while it waited.
        """
        publisher = self._publisher
        if wait_for_subscribers:
            await publisher.wait_for_subscribers()
        publisher.post(event, correlation or matter_at_hand())
        if not publisher.outbox.has_room:
            await publisher.wait_for_room()

    def post(self, event: Event, *, correlation: str | None = None) -> None:
        """Publish from synchronous code, without ever waiting. The caller limits how much it posts.

        Raises:
            ProtocolError: the event is larger than 16 MiB, or no client could read it.
        """
        self._publisher.post(event, matter_of(correlation))

    async def withdraw(
        self, event_type: type[Event] | str, key: str, *, correlation: str | None = None
    ) -> None:
        """Take back the event that is retained under a key: who subscribes later does not get it.

        Only the peer that published it, in this life or an earlier one, may do that.

        Args:
            event_type: type or topic of the event.
            key: value of the field that it is retained by.
            correlation: as in `publish`.

        Raises:
            ProtocolError: the key is too long.
            PublishRefused: reason `left` or `displaced`: this peer was closed while it waited.
        """
        topic = event_type if isinstance(event_type, str) else topic_of(event_type)
        self._publisher.withdraw(topic, key, matter_of(correlation))
        if not self._publisher.outbox.has_room:
            await self._publisher.wait_for_room()

    @property
    def behind(self) -> int:
        """By how many events the slowest subscriber trails, of the topics that were accepted last.

        Subscribers say it every 8,192 events, so a small number means nothing. Beyond 65,536 events are lost.
        """
        return self._publisher.behind

    @property
    def has_room(self) -> bool:
        """Whether an event that is posted now is likely to leave soon. False while too much is under way."""
        return self._publisher.outbox.has_room

    @property
    def last_serial(self) -> int:
        """Serial of the newest message that was published here. A reply says as of which one it was made."""
        return self._publisher.outbox.last_serial

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
        self,
        event: Request[ReplyT],
        timeout_seconds: float = REQUEST_TIMEOUT_SECONDS,
        *,
        correlation: str | None = None,
    ) -> ReplyT:
        """Send a request, and wait for its reply.

        Do not merge the reply with events of its server that you also hear: it may be older than what
        was heard. `ask_then_follow` does both in order.

        Args:
            event: the request.
            timeout_seconds: how long the server has.
            correlation: id of the matter that it belongs to; None: that in `bus.client.correlation`.

        Raises:
            RequestFailed: there is no reply; its `kind` says why.
        """
        reply, _ = await self.request_with_place(event, timeout_seconds, correlation=correlation)
        return reply

    async def request_with_place(
        self,
        event: Request[ReplyT],
        timeout_seconds: float = REQUEST_TIMEOUT_SECONDS,
        *,
        correlation: str | None = None,
    ) -> tuple[ReplyT, Place]:
        """As `request`, with the place of the reply in the order of events."""
        known = self._replies.get(type(event))
        if known is None:
            known = self._replies[type(event)] = (
                topic_of(type(event)),
                msgspec.msgpack.Decoder(reply_type_of(type(event))),
            )
        topic, decoder = known
        body = encode_checked(event)
        header, reply = await self._link.requester.request(
            topic, body, timeout_seconds, matter_of(correlation)
        )
        place = Place(header.epoch, header.sequence, header.source)
        try:
            found = decoder.decode(reply)
            if is_open(reply_type_of(type(event))):
                check_encoded(reply)
            return found, place
        except NOT_READ as error:
            raise RequestFailed(
                "invalid", f"the reply does not fit {reply_type_of(type(event)).__name__}: {error}", topic
            ) from error

    async def request_raw(
        self,
        topic: str,
        event: dict[str, Any],
        timeout_seconds: float = REQUEST_TIMEOUT_SECONDS,
        *,
        correlation: str | None = None,
    ) -> Any:
        """Send a request of a topic that the contract does not know, as plain data.

        Raises:
            ProtocolError: no client could read the request.
            RequestFailed: there is no reply; its `kind` says why.
        """
        _, reply = await self._link.requester.request(
            topic, encode_checked(event), timeout_seconds, matter_of(correlation)
        )
        try:
            found = msgspec.msgpack.decode(reply)
            check_plain_event(found)
            return found
        except NOT_READ as error:
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
            await self._link.responder.begin(topics, on_request)

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
        decoders = self._link.subscriber.decoders
        return Subscription(self._link.subscriber, patterns_of(what, decoders.learn), decoders)

    @overload
    def ask_then_follow(
        self, request: Request[ReplyT], first: type[FirstT], /, *, timeout_seconds: float = ...
    ) -> Follower[ReplyT, FirstT]: ...
    @overload
    def ask_then_follow(
        self,
        request: Request[ReplyT],
        first: type[FirstT],
        second: type[SecondT],
        /,
        *,
        timeout_seconds: float = ...,
    ) -> Follower[ReplyT, FirstT | SecondT]: ...
    @overload
    def ask_then_follow(
        self,
        request: Request[ReplyT],
        /,
        *what: type[Event] | str,
        always: Iterable[type[Event] | str] = (),
        timeout_seconds: float = ...,
    ) -> Follower[ReplyT, Any]: ...
    def ask_then_follow(
        self,
        request: Request[Any],
        /,
        *what: type[Event] | str,
        always: Iterable[type[Event] | str] = (),
        timeout_seconds: float = REQUEST_TIMEOUT_SECONDS,
    ) -> Follower[Any, Any]:
        """Ask for a state, and follow it from there on. A reply replaces everything, an event is merged.

        Replies and events arrive in any order. This hands on the reply, then the events that are not in it.
        After a gap, and when the server is another one, it asks again and hands on a fresh reply. It goes on
        asking while nobody answers.

            async with peer.ask_then_follow(ModelsListRequestEvent(), ModelStateChangedEvent) as updates:
                async for update in updates:
                    if isinstance(update, ModelsListedEvent):
                        models = {status.model_id: status for status in update.models}
                    else:
                        models[update.model_id] = update.status

        Args:
            request: sent unchanged each time; it has to change nothing.
            what: types or patterns of the events. Those of other peers than the server come after the reply.
            always: types or topics whose events are handed on even if the reply contains them: for what is
                counted, not for what changes the state.
            timeout_seconds: how long the server has each time.
        """
        subscriber = self._link.subscriber
        learn = subscriber.decoders.learn
        counted, company = patterns_of(always, learn), patterns_of(COMPANY, learn)
        patterns = [*patterns_of(what, learn), *counted]
        return Follower(
            lambda: self.request_with_place(request, timeout_seconds),
            Subscription(subscriber, [*patterns, *company], subscriber.decoders),
            patterns,
            subscriber.epochs,
            always=counted,
        )

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
        return await PastEvents(self._link.requester).of_matter(correlation)

    def statistics(self) -> Statistics:
        """What this peer counted since it was made."""
        return statistics_of(self._link)

    # -- connection

    def start(self) -> None:
        """Begin to connect."""
        self._link.start()

    async def wait_until_welcome(self, timeout_seconds: float) -> None:
        """Wait for the broker to admit this peer.

        Raises:
            HelloRefused: it refuses.
            TimeoutError: it does not answer.
        """
        async with asyncio.timeout(timeout_seconds):
            await self._link.admission.wait()

    async def wait_until_lost(self) -> None:
        """Wait until the lane has no connection to a broker that admits this peer."""
        await self._link.admission.wait_until_lost()

    def move(self, transport: Transport, credential: str) -> None:
        """Continue with the broker of a runtime that was started anew. To this peer it is one more epoch."""
        self._link.move(transport, credential)

    def close(self, *, returning: bool = False) -> None:
        """Leave the bus. What still waits for something fails.

        Args:
            returning: the peer will be back; requests to it fail as `restarting` until then.
        """
        self._link.close(returning=returning)
