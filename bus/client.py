"""The typed client of the bus, for actors, the command line and tests: publish, request, serve, subscribe."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final, TypeVar, overload

import msgspec

from bus import wire
from bus.asking import Answer, Asking
from bus.discovery import DEFAULT_APP, Runtime, is_alive, read_runtime, runtime_path
from bus.errors import FailureKind, HelloRefused, NotRunning, ProtocolError, PublishRefused, RequestFailed
from bus.hearing import Hearing
from bus.link import Link, LinkHandlers
from bus.outbox import Outbox
from bus.subscription import Subscription, patterns_of
from bus.wire import Frame
from schemas.bus import GapEvent as GapEvent
from schemas.event import Event, Request, reply_type_of, topic_of

CONNECT_TIMEOUT_SECONDS: Final = 5.0
REQUEST_TIMEOUT_SECONDS: Final = 5.0
REQUEST_LIMIT_SECONDS: Final = 86_400.0
DEADLINE_GRACE_SECONDS: Final = 0.25
"""The broker tells of a missed deadline; if it cannot, the client finds out by itself so much later."""

LEAVE_LINGER_SECONDS: Final = 0.2
REFUSAL_LIMIT: Final = 1024
LEFT: Final = "this peer left the bus"

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


class IncomingRequest:
    """A request that this peer is to answer, exactly once."""

    __slots__ = ("_peer", "body", "correlation", "id", "is_cancelled", "source", "topic")

    def __init__(self, peer: Peer, header: wire.Request, body: bytes) -> None:
        self._peer = peer
        self.id = header.id
        self.topic = header.topic
        self.source = header.source
        self.correlation = header.correlation
        self.body = body
        self.is_cancelled = False

    def reply(self, event: Event) -> None:
        """Answer. An answer beyond the size limit becomes a failure, since nobody could receive it."""
        body = wire.encode(event)
        if len(body) > wire.BODY_LIMIT_BYTES:
            self.fail("refused", f"the reply has {len(body)} bytes, at most {wire.BODY_LIMIT_BYTES} can be sent")
        else:
            self._peer.answer(self, wire.Reply(self.id), body)

    def fail(self, kind: FailureKind, message: str) -> None:
        """Say why there is no answer."""
        self._peer.answer(self, wire.Failed(self.id, kind, message[:4096]))


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
        self._outbox = Outbox()
        self._asking = Asking(link.send)
        self._hearing = Hearing(link, self._asking, lambda: self._welcome)
        self._replies: dict[type[Event], tuple[str, msgspec.msgpack.Decoder[Any]]] = {}
        self._serving: dict[str, Callable[[IncomingRequest], None]] = {}
        self._confirming: dict[tuple[str, ...], asyncio.Future[None]] = {}
        self._serves_asked: deque[tuple[str, ...]] = deque()
        self._in_hand: dict[int, IncomingRequest] = {}
        self._is_welcome = False
        self._welcome: asyncio.Future[None] = self._loop.create_future()
        self._room: asyncio.Future[None] | None = None
        self._settled: asyncio.Future[None] | None = None
        self._is_gathering = False
        self._refusals: deque[PublishRefused] = deque(maxlen=REFUSAL_LIMIT)
        self._is_closed = False
        self._ignored: Counter[str] = Counter()

    def __repr__(self) -> str:
        return f"<Peer {self.name} epoch={self.epoch} {self._outbox!r} asked={len(self._asking)}>"

    # -- publish ---------------------------------------------------------------------------------------------------

    async def publish(self, event: Event) -> None:
        """Hand an event to everybody who subscribed. Waits only while too much is under way.

        The event has its place in the order once the broker accepted it: `await peer.settled()` waits for that.

        Raises:
            ProtocolError: the event is larger than 16 MiB.
            PublishRefused: reason `left`: this peer was closed while it waited.
        """
        self.post(event)
        while not self._outbox.has_room:
            if self._is_closed:
                raise PublishRefused("*", "left", LEFT)
            if self._room is None or self._room.done():
                self._room = self._loop.create_future()
            await asyncio.shield(self._room)

    def post(self, event: Event) -> None:
        """Publish without ever waiting, from synchronous code; the caller keeps measure.

        The first event of a turn of the loop leaves at once. Those that follow in the same turn gather, and leave as one
        when it ends, or when they fill a message.
        """
        is_full = self._outbox.offer(event, correlation.get())
        if is_full or not self._is_gathering:
            self._flush()
        if not self._is_gathering:
            self._is_gathering = True
            self._loop.call_soon(self._end_gathering)

    async def settled(self) -> None:
        """Wait until all that was published so far is accepted.

        Raises:
            PublishRefused: the broker gave one of these events no place in the order; reason `left`: this peer was closed before.
        """
        while not self._outbox.is_settled:
            if self._is_closed:
                raise PublishRefused("*", "left", LEFT)
            self._send(wire.Ping(0))  # its PONG tells what is accepted without the delay that ACCEPTED has
            if self._settled is None or self._settled.done():
                self._settled = self._loop.create_future()
            await asyncio.shield(self._settled)
        if self._refusals:
            raise self._refusals.popleft()

    def _end_gathering(self) -> None:
        self._is_gathering = False
        self._flush()

    def _flush(self) -> None:
        if self._is_welcome:
            for frames in self._outbox.due():
                self._link.send(frames)

    # -- request and serve -----------------------------------------------------------------------------------------

    async def request(self, event: Request[ReplyT], timeout_seconds: float = REQUEST_TIMEOUT_SECONDS) -> ReplyT:
        """Ask, and wait for the one outcome.

        Raises:
            RequestFailed: there is no reply; its `kind` says why.
        """
        known = self._replies.get(type(event))
        if known is None:
            known = self._replies[type(event)] = (topic_of(type(event)), msgspec.msgpack.Decoder(reply_type_of(type(event))))
        topic, decoder = known
        reply = await self._ask(topic, wire.encode(event), timeout_seconds)
        try:
            return decoder.decode(reply)  # type: ignore[no-any-return]  # it decodes to the declared reply
        except wire.UNREADABLE as error:
            raise RequestFailed("invalid", f"the reply does not fit {reply_type_of(type(event)).__name__}: {error}", topic) from error

    async def request_raw(self, topic: str, event: dict[str, Any], timeout_seconds: float = REQUEST_TIMEOUT_SECONDS) -> Any:
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
            raise RequestFailed("invalid", f"the request has {len(body)} bytes, at most {wire.BODY_LIMIT_BYTES} can be sent", topic)
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
        timer = self._loop.call_later(timeout_seconds + DEADLINE_GRACE_SECONDS, self._asking.fail, id, "deadline", late)
        try:
            return await outcome
        finally:
            timer.cancel()
            if self._asking.forget(id):
                self._send(wire.Cancel(id))

    async def _await_welcome(self, timeout_seconds: float, topic: str) -> None:
        try:
            async with asyncio.timeout(timeout_seconds):
                await asyncio.shield(self._welcome)
        except TimeoutError:
            raise RequestFailed("deadline", f"the broker could not be reached within {timeout_seconds} s", topic) from None

    async def serve(self, request_types: Iterable[type[Request[Any]] | str], on_request: Callable[[IncomingRequest], None]) -> None:
        """Answer requests of these types from now on, on every connection; returns once the broker has confirmed it.

        Raises:
            RequestFailed: kind `refused`: another peer serves one of them; kind `invalid`: there is no such topic.
        """
        topics = tuple(item if isinstance(item, str) else topic_of(item) for item in request_types)
        if not topics:
            return
        confirmed = self._confirming[topics] = self._loop.create_future()
        self._serving.update(dict.fromkeys(topics, on_request))
        if self._is_closed:
            confirmed.set_exception(RequestFailed("died", LEFT, ", ".join(topics)))
        self._send_serve(topics)
        await confirmed

    def _send_serve(self, topics: tuple[str, ...]) -> None:
        if self._is_welcome:
            self._serves_asked.append(topics)
            self._send(wire.Serve(list(topics)))

    def answer(self, request: IncomingRequest, header: wire.LaneHeader, *body: bytes) -> None:
        """Send the outcome of an incoming request, unless nobody waits for it any more."""
        if self._in_hand.pop(request.id, None) is request:
            self._send(header, *body)

    # -- subscribe -------------------------------------------------------------------------------------------------

    @overload
    def subscribe(self, first: type[FirstT], /) -> Subscription[FirstT | GapEvent]: ...
    @overload
    def subscribe(self, first: type[FirstT], second: type[SecondT], /) -> Subscription[FirstT | SecondT | GapEvent]: ...
    @overload
    def subscribe(self, *what: type[Event] | str) -> Subscription[Any]: ...
    def subscribe(self, *what: type[Event] | str) -> Subscription[Any]:
        """Hear events of these types or patterns (`config.*`, `*`): `async with peer.subscribe(A) as events: async for ...`.

        Retained events come first. Events that are lost for good show as `GapEvent`.
        """
        return Subscription(self._hearing, patterns_of(what, self._hearing.decoders.learn), self._hearing.decoders)

    def statistics(self) -> Statistics:
        """What this peer counted since it was made."""
        reception, outbox = self._hearing.reception, self._outbox
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

    # -- connection ------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to connect."""
        self._link.start(LinkHandlers(self._say_hello, self._disconnected, self._lane, self._hearing.feed, self._hearing.feed_welcomed, self._denied))

    async def wait_until_welcome(self, timeout_seconds: float) -> None:
        """Wait for the broker to let this peer in.

        Raises:
            HelloRefused: it does not.
            TimeoutError: it does not answer.
        """
        async with asyncio.timeout(timeout_seconds):
            await asyncio.shield(self._welcome)

    def close(self, *, returning: bool = False) -> None:
        """Leave the bus; whoever still waits for something is told. `returning`: requests to this peer fail as `restarting` until it is back."""
        if self._is_closed:
            return
        self._is_closed = True
        self._flush()
        if self._is_welcome:
            self._link.send(wire.lane_frames(wire.Bye(returning)))
        self._is_welcome = False
        self._hearing.close()
        self._asking.fail_all("died", LEFT)
        for topics, confirmed in self._confirming.items():
            _fail(confirmed, RequestFailed("died", LEFT, ", ".join(topics)))
        for waiting in (self._room, self._settled):
            if waiting is not None:
                _fail(waiting, PublishRefused("*", "left", LEFT))
        self._link.close(LEAVE_LINGER_SECONDS)

    def _send(self, header: wire.LaneHeader, *body: Frame) -> None:
        if self._is_welcome:
            self._link.send(wire.lane_frames(header, *body))

    def _say_hello(self) -> None:
        self._link.send(wire.lane_frames(wire.Hello(wire.PROTOCOL_VERSION, self.name, self.instance, self._token)))

    def _disconnected(self) -> None:
        if self._is_welcome:
            self._is_welcome = False
            self._welcome = self._loop.create_future()
            self._link.discard_unsent()
            for request in self._in_hand.values():
                request.is_cancelled = True
            self._in_hand.clear()
            self._serves_asked.clear()
            self._asking.fail_all("died", "the connection to the broker was lost; the request may or may not have been carried out")

    def _denied(self, detail: str) -> None:
        if not self._welcome.done():
            self._welcome.set_exception(HelloRefused(self.name, "wrong_key", detail))

    def _lane(self, frames: list[bytes]) -> None:
        try:
            header = wire.read_from_broker(frames)
        except ProtocolError as error:
            self._ignored[error.reason] += 1
            return
        match header:
            case wire.Accepted():
                self._accepted(header.serial)
            case wire.Reply() if len(frames) != 3:
                self._asking.fail(header.id, "invalid", f"the reply has {len(frames) - 2} body frames, expected 1")
            case wire.Reply() | wire.Replayed() | wire.Snapshotted():
                if not self._asking.settle(header, frames[2:]):
                    self._ignored["unknown_request"] += 1
            case wire.Failed():
                self._failed(header)
            case wire.Request():
                self._requested(header, frames)
            case wire.Cancel():
                if (cancelled := self._in_hand.pop(header.id, None)) is not None:
                    cancelled.is_cancelled = True
            case wire.Serve():
                self._served(None)
            case wire.Welcome():
                self._welcomed(header)
            case wire.Ping():
                self._send(wire.Pong(header.id))
            case wire.Pong():
                if header.epoch == self.epoch:
                    self._accepted(header.accepted)
            case _:
                self._ignored["wrong_verb"] += 1

    def _accepted(self, serial: int) -> None:
        outbox = self._outbox
        outbox.accepted(serial, self._loop.time())
        self._flush()
        if outbox.has_room and self._room is not None and not self._room.done():
            self._room.set_result(None)
        if outbox.is_settled and self._settled is not None and not self._settled.done():
            self._settled.set_result(None)

    def _welcomed(self, welcome: wire.Welcome) -> None:
        if self._is_welcome and welcome.epoch == self.epoch:
            return
        self.welcomes += 1
        self.epoch = welcome.epoch
        self._is_welcome = True
        for frames in self._outbox.welcomed(welcome.epoch, welcome.accepted, self._loop.time()):
            self._link.send(frames)
        if self._serving:
            for topics in self._confirming.keys() | {(topic,) for topic in self._serving if not any(topic in key for key in self._confirming)}:
                self._send_serve(topics)
        self._hearing.lane_welcomed(welcome.epoch)
        if not self._welcome.done():
            self._welcome.set_result(None)
        self._accepted(welcome.accepted)

    def _requested(self, header: wire.Request, frames: list[bytes]) -> None:
        on_request = self._serving.get(header.topic)
        if on_request is None or len(frames) != 3:
            self._send(wire.Failed(header.id, "no_responder" if on_request is None else "invalid", f"{self.name} cannot answer {header.topic}"))
            return
        request = self._in_hand[header.id] = IncomingRequest(self, header, frames[2])
        on_request(request)

    def _failed(self, failed: wire.Failed) -> None:
        if failed.verb == "PUBLISH":
            self._publish_failed(failed)
        elif failed.verb == "SERVE":
            if not failed.message.startswith("unknown_peer"):  # otherwise it is sent again after WELCOME
                self._served(failed)
        elif failed.verb == "HELLO":
            reason, _, detail = failed.message.partition(": ")
            if not self._welcome.done():
                self._welcome.set_exception(HelloRefused(self.name, reason, detail))
        elif not self._asking.settle(failed, []):
            self._ignored["unknown_request"] += 1

    def _served(self, failed: wire.Failed | None) -> None:
        """The broker answered a SERVE; it answers them in the order in which they were sent."""
        topics = self._serves_asked.popleft() if self._serves_asked else ()
        confirmed = self._confirming.pop(topics, None)
        if confirmed is None:
            if failed is not None:
                self._ignored["serve_refused"] += 1  # after a reconnect; it is tried again with the next
        elif failed is None:
            if not confirmed.done():
                confirmed.set_result(None)
        else:
            for topic in topics:
                self._serving.pop(topic, None)
            if not confirmed.done():
                confirmed.set_exception(RequestFailed(failed.kind, failed.message, ", ".join(topics)))

    def _publish_failed(self, failed: wire.Failed) -> None:
        if failed.message.startswith("unknown_peer"):
            return  # it left before the broker knew this connection; it is sent again after WELCOME
        run = self._outbox.refused(failed.id)
        if run is not None:
            reason, _, detail = failed.message.partition(": ")
            self._refusals.append(PublishRefused(run.topic, reason, detail))
            self._accepted(0)


def _fail(future: asyncio.Future[None], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
        future.exception()  # nobody may be waiting, and that is no mistake


@contextlib.asynccontextmanager
async def attach(link: Link, name: str, token: str, timeout_seconds: float = CONNECT_TIMEOUT_SECONDS) -> AsyncIterator[Peer]:
    """A peer over a given link; leaves the bus at the end of the block.

    Raises:
        HelloRefused: the broker does not let it in.
        TimeoutError: the broker does not answer.
    """
    peer = Peer(link, name, token)
    peer.start()
    try:
        await peer.wait_until_welcome(timeout_seconds)
        yield peer
    finally:
        peer.close()


@contextlib.asynccontextmanager
async def connect(
    name: str | None = None,
    *,
    runtime: Runtime | None = None,
    app: str = DEFAULT_APP,
    home: str | os.PathLike[str] | None = None,
    timeout_seconds: float = CONNECT_TIMEOUT_SECONDS,
) -> AsyncIterator[Peer]:
    """Connect to a runtime, found by app or home unless it is given; reconnects by itself until the block ends.

    Raises:
        NotRunning: there is no runtime, or it does not answer.
        HelloRefused: it does not let this peer in.
    """
    from bus.sockets import SocketLink

    path = str(runtime_path(app, home))
    if runtime is None:
        runtime = read_runtime(runtime_path(app, home))
        if not is_alive(runtime.pid):
            raise NotRunning(path, f"it is left over from process {runtime.pid}, which is no more")
    async with contextlib.AsyncExitStack() as stack:
        try:
            peer = await stack.enter_async_context(attach(SocketLink(runtime), name or unique_name("client"), runtime.token, timeout_seconds))
        except TimeoutError:
            raise NotRunning(path, f"nobody answers at {runtime.lane} within {timeout_seconds} s") from None
        yield peer


def unique_name(kind: str) -> str:
    """A name for a peer that nobody has to find."""
    return f"{kind}-{os.getpid()}-{os.urandom(4).hex()}"
