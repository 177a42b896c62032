"""One participant of the bus: publishes, asks, serves, subscribes, over any link."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final, TypeVar, overload

import msgspec

from bus import wire
from bus.errors import HelloRefused, ProtocolError, RequestFailed
from bus.peer.publisher import LEFT, Publishing
from bus.peer.requester import Answer, Asking
from bus.peer.responder import IncomingRequest, Serving
from bus.peer.subscriber import Hearing
from bus.peer.subscription import Subscription, patterns_of
from bus.transport.transport import Link, LinkHandlers
from bus.wire import Frame
from schemas.event import Event, Request, reply_type_of, topic_of
from schemas.operations.bus import GapEvent

REQUEST_TIMEOUT_SECONDS: Final = 5.0
REQUEST_LIMIT_SECONDS: Final = 86_400.0
DEADLINE_GRACE_SECONDS: Final = 0.25
"""The broker tells of a missed deadline; if it cannot, the client finds out by itself so much later."""

LEAVE_LINGER_SECONDS: Final = 0.2

correlation: ContextVar[str | None] = ContextVar("correlation", default=None)
"""Id of the matter at hand; what is published or asked carries it on."""

ReplyT = TypeVar("ReplyT", bound=Event)
FirstT = TypeVar("FirstT", bound=Event)
SecondT = TypeVar("SecondT", bound=Event)


@dataclass(frozen=True, slots=True)
class Statistics:
    """What a peer counted.

    Attributes:
        published, accepted: events handed to `publish`, and those of them that the broker has accepted.
        resent_runs: messages that were sent again after a reconnect.
        delivered, skipped, lost: events handed on, recognised as duplicates, lost beyond recovery.
        replays: how often missing events were fetched.
        asked: requests, snapshots and replays.
        welcomes: how often the broker let this peer in; one more than it reconnected.
        undecodable: events that did not fit their type.
        ignored: reason to count, for messages that made no sense.
    """

    published: int
    accepted: int
    resent_runs: int
    delivered: int
    skipped: int
    lost: int
    replays: int
    asked: int
    welcomes: int
    undecodable: int
    ignored: dict[str, int]


class Peer:
    """One participant of the bus. Made by `connect`."""

    def __init__(self, link: Link, name: str, token: str) -> None:
        self.name = name
        self.instance = os.urandom(8).hex()
        self.epoch = ""
        self.welcomes = 0
        self._link = link
        self._token = token
        self._loop = asyncio.get_running_loop()
        self._ignored: Counter[str] = Counter()
        self._publishing = Publishing(self._send)
        self._asking = Asking(self._send)
        self._serving = Serving(name, self._send, self._ignored)
        self._hearing = Hearing(link, self._asking, lambda: self._welcome)
        self._replies: dict[type[Event], tuple[str, msgspec.msgpack.Decoder[Any]]] = {}
        self._is_welcome = False
        self._is_closed = False
        self._welcome: asyncio.Future[None] = self._loop.create_future()
        self._is_lost = asyncio.Event()

    def __repr__(self) -> str:
        return f"<Peer {self.name} epoch={self.epoch} {self._publishing.outbox!r} asked={len(self._asking)}>"

    @property
    def is_connected(self) -> bool:
        """Whether a broker has let this peer in, and the connection stands as far as is known."""
        return self._is_welcome

    # -- publish
    # ---------------------------------------------------------------------------------------------------

    async def publish(self, event: Event) -> None:
        """Hand an event to everybody who subscribed. Waits only while too much is under way.

        The event has its place in the order once the broker accepted it: `await peer.settled()` waits for
        that.

        Raises:
            ProtocolError: the event is larger than 16 MiB.
            PublishRefused: reason `left`: this peer was closed while it waited.
        """
        self._publishing.post(event, correlation.get())
        if not self._publishing.outbox.has_room:
            await self._publishing.wait_for_room()

    def post(self, event: Event) -> None:
        """Publish without ever waiting, from synchronous code; the caller keeps measure.

        Raises:
            ProtocolError: the event is larger than 16 MiB.
        """
        self._publishing.post(event, correlation.get())

    @property
    def has_room(self) -> bool:
        """Whether what `post` takes now is likely to leave soon; False while too much is under way."""
        return self._publishing.outbox.has_room

    async def sent(self) -> None:
        """Wait until all that was published so far is on its way: an answer or a request that follows comes after it.

        Seldom waits at all. An actor need not call it: its shell does, before each answer.

        Raises:
            PublishRefused: reason `left`: this peer was closed before.
        """
        await self._publishing.wait_until_sent()

    async def settled(self) -> None:
        """Wait until all that was published so far is accepted.

        Raises:
            PublishRefused: the broker gave one of these events no place in the order; reason `left`: this
                peer was closed before.
        """
        await self._publishing.wait_until_settled()

    async def retained(self, event_type: type[FirstT]) -> list[FirstT]:
        """What the broker remembers of a topic now: the last event of each key.

        Raises:
            RequestFailed: the broker does not tell.
        """
        async with self.subscribe(event_type) as events:
            pass  # a subscription has them before it is joined, and keeps them when it is left
        return [event async for event in events if isinstance(event, event_type)]

    # -- request and serve
    # -----------------------------------------------------------------------------------------

    async def request(
        self, event: Request[ReplyT], timeout_seconds: float = REQUEST_TIMEOUT_SECONDS
    ) -> ReplyT:
        """Ask, and wait for the one outcome.

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
        reply = await self._ask(topic, wire.encode(event), timeout_seconds)
        try:
            return decoder.decode(reply)  # type: ignore[no-any-return]  # it decodes to the declared reply
        except wire.UNREADABLE as error:
            raise RequestFailed(
                "invalid", f"the reply does not fit {reply_type_of(type(event)).__name__}: {error}", topic
            ) from error

    async def request_raw(
        self, topic: str, event: dict[str, Any], timeout_seconds: float = REQUEST_TIMEOUT_SECONDS
    ) -> Any:
        """Ask under a topic that the contract does not know, with plain data.

        Raises:
            RequestFailed: there is no reply; its `kind` says why.
        """
        reply = await self._ask(topic, wire.encode(event), timeout_seconds)
        try:
            return msgspec.msgpack.decode(reply)
        except wire.UNREADABLE as error:
            raise RequestFailed("invalid", f"the reply cannot be read: {error}", topic) from error

    async def _ask(self, topic: str, body: bytes, timeout_seconds: float) -> bytes:
        if len(body) > wire.BODY_LIMIT_BYTES:
            raise RequestFailed(
                "invalid",
                f"the request has {len(body)} bytes, at most {wire.BODY_LIMIT_BYTES} can be sent",
                topic,
            )
        if self._is_closed:
            raise RequestFailed("died", LEFT, topic)
        if not self._is_welcome:
            await self._await_welcome(timeout_seconds, topic)
        outcome: asyncio.Future[bytes] = self._loop.create_future()

        def settle(answer: Answer, frames: list[bytes]) -> None:
            if outcome.done():
                return
            if isinstance(answer, wire.Failed):
                outcome.set_exception(RequestFailed(answer.kind, answer.message, topic))
            else:
                outcome.set_result(frames[0])

        timeout_ms = max(1, int(min(timeout_seconds, REQUEST_LIMIT_SECONDS) * 1000))
        matter = correlation.get()
        id = self._asking.begin(lambda id: wire.Request(id, topic, timeout_ms, matter), settle, body)
        late = f"no outcome within {timeout_seconds} s, not even from the broker"
        timer = self._loop.call_later(
            timeout_seconds + DEADLINE_GRACE_SECONDS, self._asking.fail, id, "deadline", late
        )
        try:
            return await outcome
        finally:
            timer.cancel()
            if self._asking.forget(id):
                self._send(wire.lane_frames(wire.Cancel(id)))

    async def _await_welcome(self, timeout_seconds: float, topic: str) -> None:
        try:
            async with asyncio.timeout(timeout_seconds):
                await asyncio.shield(self._welcome)
        except TimeoutError:
            raise RequestFailed(
                "deadline", f"the broker could not be reached within {timeout_seconds} s", topic
            ) from None

    async def serve(
        self, request_types: Iterable[type[Request[Any]] | str], on_request: Callable[[IncomingRequest], None]
    ) -> None:
        """Answer requests of these types from now on, on every connection; returns once the broker has confirmed it.

        Raises:
            RequestFailed: kind `refused`: another peer serves one of them; kind `invalid`: there is no such
                topic.
        """
        topics = tuple(item if isinstance(item, str) else topic_of(item) for item in request_types)
        if topics:
            await self._serving.begin(topics, on_request)

    # -- subscribe
    # -------------------------------------------------------------------------------------------------

    @overload
    def subscribe(self, first: type[FirstT], /) -> Subscription[FirstT | GapEvent]: ...
    @overload
    def subscribe(
        self, first: type[FirstT], second: type[SecondT], /
    ) -> Subscription[FirstT | SecondT | GapEvent]: ...
    @overload
    def subscribe(self, *what: type[Event] | str) -> Subscription[Any]: ...
    def subscribe(self, *what: type[Event] | str) -> Subscription[Any]:
        """Hear events of these types or patterns (`config.*`, `*`): `async with peer.subscribe(A) as events: async for ...`.

        Retained events come first. Events that are lost for good show as `GapEvent`.
        """
        return Subscription(
            self._hearing, patterns_of(what, self._hearing.decoders.learn), self._hearing.decoders
        )

    def statistics(self) -> Statistics:
        """What this peer counted since it was made."""
        reception, outbox = self._hearing.reception, self._publishing.outbox
        return Statistics(
            published=outbox.published,
            accepted=outbox.accepted_events,
            resent_runs=outbox.resent_runs,
            delivered=reception.delivered,
            skipped=reception.skipped,
            lost=reception.lost,
            replays=reception.fetches,
            asked=self._asking.asked,
            welcomes=self.welcomes,
            undecodable=self._hearing.undecodable,
            ignored=dict(self._ignored + self._hearing.ignored),
        )

    # -- connection
    # ------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to connect."""
        self._link.start(
            LinkHandlers(
                self._say_hello,
                self._disconnected,
                self._lane,
                self._hearing.feed,
                self._hearing.feed_welcomed,
                self._denied,
            )
        )

    async def wait_until_welcome(self, timeout_seconds: float) -> None:
        """Wait for the broker to let this peer in.

        Raises:
            HelloRefused: it does not.
            TimeoutError: it does not answer.
        """
        async with asyncio.timeout(timeout_seconds):
            await asyncio.shield(self._welcome)

    async def wait_until_lost(self) -> None:
        """Wait until the lane has no connection to a broker that lets this peer in."""
        await self._is_lost.wait()

    def move(self, link: Link, token: str) -> None:
        """Go on with another broker, that of a runtime that was started anew; to this peer it is one more epoch."""
        self._disconnected()
        self._link.close()
        self._link, self._token = link, token
        self._hearing.move(link)
        if self._welcome.done():
            self._welcome = self._loop.create_future()
        self.start()

    def close(self, *, returning: bool = False) -> None:
        """Leave the bus; whoever still waits for something is told. `returning`: requests to this peer fail as `restarting` until it is back."""
        if self._is_closed:
            return
        self._is_closed = True
        self._publishing.close()
        if self._is_welcome:
            self._send(wire.lane_frames(wire.Bye(returning)))
        self._is_welcome = False
        self._serving.close()
        self._hearing.close()
        self._asking.fail_all("died", LEFT)
        self._link.close(LEAVE_LINGER_SECONDS)

    def _send(self, frames: list[Frame]) -> None:
        if self._is_welcome:
            self._link.send(frames)

    def _say_hello(self) -> None:
        self._link.send(
            wire.lane_frames(wire.Hello(wire.PROTOCOL_VERSION, self.name, self.instance, self._token))
        )

    def _disconnected(self) -> None:
        self._is_lost.set()
        if self._is_welcome:
            self._is_welcome = False
            self._welcome = self._loop.create_future()
            self._link.discard_unsent()
            self._publishing.disconnected()
            self._serving.disconnected()
            self._asking.fail_all(
                "died",
                "the connection to the broker was lost; the request may or may not have been carried out",
            )

    def _denied(self, detail: str) -> None:
        self._not_welcome(HelloRefused(self.name, "wrong_key", detail))

    def _not_welcome(self, refusal: HelloRefused) -> None:
        self._is_lost.set()
        if not self._welcome.done():
            self._welcome.set_exception(refusal)
            self._welcome.exception()  # nobody may be waiting, and that is no mistake

    def _lane(self, frames: list[bytes]) -> None:
        try:
            header = wire.read_from_broker(frames)
        except ProtocolError as error:
            self._ignored[error.reason] += 1
            return
        match header:
            case wire.Accepted():
                self._publishing.accepted(header.serial)
            case wire.Reply() if len(frames) != 3:
                self._asking.fail(
                    header.id, "invalid", f"the reply has {len(frames) - 2} body frames, expected 1"
                )
            case wire.Reply() | wire.Replayed() | wire.Snapshotted():
                if not self._asking.settle(header, frames[2:]):
                    self._ignored["unknown_request"] += 1
            case wire.Failed():
                self._failed(header)
            case wire.Request():
                self._serving.requested(header, frames)
            case wire.Cancel():
                self._serving.cancelled(header.id)
            case wire.Serve():
                self._serving.confirmed(None)
            case wire.Welcome():
                self._welcomed(header)
            case wire.Ping():
                self._send(wire.lane_frames(wire.Pong(header.id)))
            case wire.Pong():
                if header.epoch == self.epoch:
                    self._publishing.accepted(header.accepted)
            case _:
                self._ignored["wrong_verb"] += 1

    def _welcomed(self, welcome: wire.Welcome) -> None:
        if self._is_welcome and welcome.epoch == self.epoch:
            return
        self.welcomes += 1
        self.epoch = welcome.epoch
        self._is_welcome = True
        self._is_lost.clear()
        self._publishing.welcomed(welcome.epoch, welcome.accepted)
        self._serving.welcomed()
        self._hearing.lane_welcomed(welcome.epoch)
        if not self._welcome.done():
            self._welcome.set_result(None)

    def _failed(self, failed: wire.Failed) -> None:
        if failed.message.startswith("unknown_peer"):
            return  # it left before the broker knew this connection; what matters is sent again after WELCOME
        if failed.verb == "PUBLISH":
            self._publishing.refused(failed.id, failed.message)
        elif failed.verb == "SERVE":
            self._serving.confirmed(failed)
        elif failed.verb == "HELLO":
            reason, _, detail = failed.message.partition(": ")
            self._not_welcome(HelloRefused(self.name, reason, detail))
        elif not self._asking.settle(failed, []):
            self._ignored["unknown_request"] += 1
