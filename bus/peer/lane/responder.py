"""The serving half of a peer: which topics it serves, and which requests it has yet to answer."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from contextvars import ContextVar
from typing import Final, TypeAlias

from bus import wire
from bus.errors import FailureKind, ProtocolError, RequestFailed
from bus.peer.lane.publisher import LEFT
from bus.plain_text import plain_text
from bus.wire import Frame
from schemas.event import Event

Send: TypeAlias = Callable[[list[Frame]], None]

NOBODY: Final = ""
MESSAGE_LIMIT: Final = 4096

asker: ContextVar[str] = ContextVar("asker", default=NOBODY)
"""Name of the peer whose request is being handled, as the broker states it; NOBODY outside a request."""


publisher: ContextVar[str] = ContextVar("publisher", default=NOBODY)
"""Name of the peer whose event is being handled, as the broker states it; NOBODY outside an event."""


class IncomingRequest:
    """A request that this peer has to answer, exactly once.

    Attributes:
        id: the broker's id of the request.
        source: name of the asking peer, as the broker states it.
        correlation: id of the matter that it belongs to.
        body: the event, encoded.
        is_cancelled: nobody waits for the answer any more.
        arrived_at: serial of the newest message that this peer had published when the request came.
    """

    __slots__ = (
        "_is_arriving",
        "_responder",
        "arrived_at",
        "body",
        "correlation",
        "id",
        "is_cancelled",
        "source",
        "topic",
    )

    def __init__(
        self, responder: Responder, header: wire.RequestHeader, body: bytes, arrived_at: int
    ) -> None:
        self._responder = responder
        self.id = header.id
        self.topic = header.topic
        self.source = header.source
        self.correlation = header.correlation
        self.body = body
        self.is_cancelled = False
        self.arrived_at = arrived_at
        self._is_arriving = True

    def reply(self, event: Event, *, as_of: int | None = None) -> None:
        """Answer. A reply that no peer could receive or read becomes a failure.

        Args:
            event: the reply.
            as_of: `Peer.last_serial` of the moment from which on nothing was read that the reply says: what
                was published by then is in the reply. None: now, if `on_request` has not returned yet; the
                arrival of the request afterwards, since the reply may have been made any time since.
        """
        try:
            body = wire.encode_checked(event)
        except ProtocolError as error:
            self.fail("refused", f"the reply cannot be sent: {error}")
            return
        if len(body) > wire.BODY_LIMIT_BYTES:
            self.fail("refused", f"the reply has {len(body)} bytes; expected at most {wire.BODY_LIMIT_BYTES}")
            return
        if as_of is None:
            as_of = self._responder.last_serial if self._is_arriving else self.arrived_at
        self._responder.answer(self, wire.ReplyHeader(self.id, as_of), body)

    def has_arrived(self) -> None:
        """Note that `on_request` has returned; an answer from now on is a later one."""
        self._is_arriving = False

    def fail(self, kind: FailureKind, message: str) -> None:
        """Fail, with the reason."""
        self._responder.answer(self, wire.FailedHeader(self.id, kind, plain_text(message, MESSAGE_LIMIT)))


OnRequest: TypeAlias = Callable[[IncomingRequest], None]


class Responder:
    """The topics that one peer serves."""

    def __init__(
        self, name: str, send: Send, ignored: Counter[str], published: Callable[[], int] = lambda: 1
    ) -> None:
        """Serve nothing yet.

        Args:
            name: of the peer.
            send: sends a lane message.
            ignored: counts messages that made no sense, by reason.
            published: the serial of the newest message of this peer.
        """
        self._name = name
        self._published = published
        self._send = send
        self._ignored = ignored
        self._is_open = False
        self._is_closed = False
        self._handlers: dict[str, OnRequest] = {}
        self._confirming: dict[tuple[str, ...], asyncio.Future[None]] = {}
        self._sent: deque[tuple[str, ...]] = deque()
        self._in_hand: dict[int, IncomingRequest] = {}

    @property
    def last_serial(self) -> int:
        """Serial of the newest message of this peer, sent or waiting."""
        return self._published()

    async def begin(self, topics: tuple[str, ...], on_request: OnRequest) -> None:
        """Serve these topics from now on, on every connection. Returns once the broker has confirmed it.

        Raises:
            RequestFailed: kind `refused`: another peer serves one of them; kind `invalid`: there is no such
                topic; kind `died`: this peer left.
        """
        if self._is_closed:
            raise RequestFailed("died", LEFT, ", ".join(topics))
        confirmed = self._confirming[topics] = asyncio.get_running_loop().create_future()
        self._handlers.update(dict.fromkeys(topics, on_request))
        self._announce(topics)
        await confirmed

    def answer(self, request: IncomingRequest, header: wire.LaneHeader, *body: bytes) -> None:
        """Send the outcome of an incoming request, unless it was cancelled."""
        if self._in_hand.pop(request.id, None) is request:
            self._send(wire.lane_frames(header, *body))

    # -- what the broker says

    def welcomed(self) -> None:
        """A broker admitted the peer: say again what is served."""
        self._is_open = True
        unconfirmed = {topic for topics in self._confirming for topic in topics}
        for topics in [
            *self._confirming,
            *((topic,) for topic in self._handlers if topic not in unconfirmed),
        ]:
            self._announce(topics)

    def disconnected(self) -> None:
        """The lane is lost, and with it every peer that waited for an answer."""
        self._is_open = False
        for request in self._in_hand.values():
            request.is_cancelled = True
        self._in_hand.clear()
        self._sent.clear()

    def requested(self, header: wire.RequestHeader, frames: list[bytes]) -> None:
        """A request came in."""
        on_request = self._handlers.get(header.topic)
        if on_request is None or len(frames) != 3:
            kind: FailureKind = "no_responder" if on_request is None else "invalid"
            self._send(
                wire.lane_frames(
                    wire.FailedHeader(header.id, kind, f"{self._name} cannot answer {header.topic}")
                )
            )
            return
        request = self._in_hand[header.id] = IncomingRequest(self, header, frames[2], self._published())
        try:
            on_request(request)
        finally:
            request.has_arrived()

    def cancelled(self, id: int) -> None:
        """The asking peer no longer waits."""
        request = self._in_hand.pop(id, None)
        if request is not None:
            request.is_cancelled = True

    def confirmed(self, failed: wire.FailedHeader | None) -> None:
        """The broker answered a SERVE. It answers them in the order in which they were sent."""
        topics = self._sent.popleft() if self._sent else ()
        confirmed = self._confirming.pop(topics, None)
        if confirmed is None:
            if failed is not None:
                self._ignored["serve_refused"] += 1  # after a reconnect; the next one tries again
            return
        if failed is not None:
            for topic in topics:
                self._handlers.pop(topic, None)
        if not confirmed.done():
            if failed is None:
                confirmed.set_result(None)
            else:
                confirmed.set_exception(RequestFailed(failed.kind, failed.message, ", ".join(topics)))

    def close(self) -> None:
        """Fail every wait for a confirmation."""
        self._is_open = False
        self._is_closed = True
        for topics, confirmed in self._confirming.items():
            if not confirmed.done():
                confirmed.set_exception(RequestFailed("died", LEFT, ", ".join(topics)))
                confirmed.exception()  # marks it as retrieved: nobody need be waiting

    def _announce(self, topics: tuple[str, ...]) -> None:
        if self._is_open:
            self._sent.append(topics)
            self._send(wire.lane_frames(wire.ServeHeader(list(topics))))
