"""The answering half of a peer: which topics it serves, and which requests it has in hand."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from contextvars import ContextVar
from typing import Final, TypeAlias

from bus import wire
from bus.errors import FailureKind, RequestFailed
from bus.peer.publisher import LEFT
from bus.wire import Frame
from schemas.event import Event

Send: TypeAlias = Callable[[list[Frame]], None]

NOBODY: Final = ""

asker: ContextVar[str] = ContextVar("asker", default=NOBODY)
"""Name of the peer whose request is being handled, as the broker states it; NOBODY outside of a request."""


class IncomingRequest:
    """A request that this peer is to answer, exactly once."""

    __slots__ = ("_serving", "body", "correlation", "id", "is_cancelled", "source", "topic")

    def __init__(self, serving: Serving, header: wire.Request, body: bytes) -> None:
        self._serving = serving
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
            self.fail(
                "refused", f"the reply has {len(body)} bytes, at most {wire.BODY_LIMIT_BYTES} can be sent"
            )
        else:
            self._serving.answer(self, wire.Reply(self.id), body)

    def fail(self, kind: FailureKind, message: str) -> None:
        """Say why there is no answer."""
        self._serving.answer(self, wire.Failed(self.id, kind, message[:4096]))


OnRequest: TypeAlias = Callable[[IncomingRequest], None]


class Serving:
    """What one peer serves."""

    def __init__(self, name: str, send: Send, ignored: Counter[str]) -> None:
        self._name = name
        self._send = send
        self._ignored = ignored
        self._is_open = False
        self._is_closed = False
        self._handlers: dict[str, OnRequest] = {}
        self._confirming: dict[tuple[str, ...], asyncio.Future[None]] = {}
        self._sent: deque[tuple[str, ...]] = deque()
        self._in_hand: dict[int, IncomingRequest] = {}

    async def begin(self, topics: tuple[str, ...], on_request: OnRequest) -> None:
        """Serve these topics on every connection from now on; returns once the broker has confirmed it.

        Raises:
            RequestFailed: kind `refused`: another peer serves one of them; kind `invalid`: there is no such
                topic; kind `died`: this peer left.
        """
        if self._is_closed:
            raise RequestFailed("died", LEFT, ", ".join(topics))
        confirmed = self._confirming[topics] = asyncio.get_running_loop().create_future()
        self._handlers.update(dict.fromkeys(topics, on_request))
        self._tell(topics)
        await confirmed

    def answer(self, request: IncomingRequest, header: wire.LaneHeader, *body: bytes) -> None:
        """Send the outcome of an incoming request, unless nobody waits for it any more."""
        if self._in_hand.pop(request.id, None) is request:
            self._send(wire.lane_frames(header, *body))

    # -- what the broker says
    # --------------------------------------------------------------------------------------

    def welcomed(self) -> None:
        """The lane is open: say again what is served."""
        self._is_open = True
        unconfirmed = {topic for topics in self._confirming for topic in topics}
        for topics in [
            *self._confirming,
            *((topic,) for topic in self._handlers if topic not in unconfirmed),
        ]:
            self._tell(topics)

    def disconnected(self) -> None:
        """The lane is lost, and with it everybody who waited for an answer."""
        self._is_open = False
        for request in self._in_hand.values():
            request.is_cancelled = True
        self._in_hand.clear()
        self._sent.clear()

    def requested(self, header: wire.Request, frames: list[bytes]) -> None:
        """Somebody asks."""
        on_request = self._handlers.get(header.topic)
        if on_request is None or len(frames) != 3:
            kind: FailureKind = "no_responder" if on_request is None else "invalid"
            self._send(
                wire.lane_frames(wire.Failed(header.id, kind, f"{self._name} cannot answer {header.topic}"))
            )
            return
        request = self._in_hand[header.id] = IncomingRequest(self, header, frames[2])
        on_request(request)

    def cancelled(self, id: int) -> None:
        """Whoever asked waits no more."""
        request = self._in_hand.pop(id, None)
        if request is not None:
            request.is_cancelled = True

    def confirmed(self, failed: wire.Failed | None) -> None:
        """The broker answered a SERVE; it answers them in the order in which they were sent."""
        topics = self._sent.popleft() if self._sent else ()
        confirmed = self._confirming.pop(topics, None)
        if confirmed is None:
            if failed is not None:
                self._ignored["serve_refused"] += 1  # after a reconnect; it is tried again with the next
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
        """Let go of everybody who waits for a confirmation."""
        self._is_open = False
        self._is_closed = True
        for topics, confirmed in self._confirming.items():
            if not confirmed.done():
                confirmed.set_exception(RequestFailed("died", LEFT, ", ".join(topics)))
                confirmed.exception()  # nobody may be waiting, and that is no mistake

    def _tell(self, topics: tuple[str, ...]) -> None:
        if self._is_open:
            self._sent.append(topics)
            self._send(wire.lane_frames(wire.Serve(list(topics))))
