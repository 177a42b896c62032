"""What both clients have in common: encoding, following the runtime, and queues of events."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec

from undercroft_client.errors import ClientError, NotRunning, RequestFailed
from undercroft_client.event import Event, reply_type_of, topic_of
from undercroft_client.events import EVENTS, GapEvent
from undercroft_client.ordering import Heard, Lost, Ordering, Run
from undercroft_client.protocol import FRAME_LIMIT_BYTES, LEFT, Protocol
from undercroft_client.runtime import Runtime, read_runtime, runtime_path
from undercroft_client.sockets import Sockets

AnyEvent: TypeAlias = Event | dict[str, Any]
"""A typed event, or a map with its topic under the key `type`."""

CONNECT_TIMEOUT_SECONDS: Final = 5.0
REQUEST_TIMEOUT_SECONDS: Final = 5.0
PUBLISH_TIMEOUT_SECONDS: Final = 15.0
DEADLINE_GRACE_SECONDS: Final = 0.25
"""The broker reports a missed deadline. Where it cannot, the client gives up this much later."""

QUEUE_LIMIT_EVENTS: Final = 16_384
CHECK_SECONDS: Final = 1.0
"""How often runtime.json is read again while the broker is away: a new runtime may listen elsewhere."""

UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class BaseClient:
    """A client without its way of waiting.

    Attributes:
        name: what the bus calls this client.
        undecodable: how many events did not fit their type, and were skipped.
    """

    def __init__(
        self, name: str | None, app: str, home: str | os.PathLike[str] | None, runtime: Runtime | None
    ) -> None:
        self._path: Path | None = None if runtime else runtime_path(app, home)
        self._runtime = runtime or read_runtime(runtime_path(app, home))
        self.name = name or f"client-{os.getpid()}-{os.urandom(4).hex()}"
        self.undecodable = 0
        self._protocol = Protocol(self.name, self._runtime.token)
        self._sockets = Sockets(self._runtime)
        self._inboxes: list[Inbox] = []
        self._types: dict[str, type[Event]] = {}
        self._check_due = time.monotonic() + CHECK_SECONDS
        self._is_closed = False

    @property
    def instance(self) -> str:
        """Random id of this life of the client."""
        return self._protocol.instance

    @property
    def epoch(self) -> str:
        """The life of the broker that admitted this client last; empty before the first time."""
        return self._protocol.epoch

    @property
    def is_connected(self) -> bool:
        """Whether the broker has admitted this client, and the connection stands as far as is known."""
        return self._protocol.is_welcome

    def _exchange(self) -> bool:
        return self._sockets.exchange(self._protocol, self._has_room)

    def _has_room(self) -> bool:
        return all(len(inbox.queue) < QUEUE_LIMIT_EVENTS for inbox in self._inboxes)

    def _follow_runtime(self) -> bool:
        """While the broker is away, look whether the runtime listens elsewhere; returns whether it does."""
        now = time.monotonic()
        if self._protocol.is_welcome or now < self._check_due:
            return False
        self._check_due = now + CHECK_SECONDS
        if self._protocol.refusal is not None and self._protocol.refusal.reason != "denied":
            self._protocol.connected()  # the reason for the refusal may be gone
        if self._path is None:
            return False
        try:
            runtime = read_runtime(self._path)
        except NotRunning:
            return False
        if runtime == self._runtime:
            return False
        self._runtime, self._protocol.token = runtime, runtime.token
        self._protocol.disconnected()
        self._sockets.close()
        self._sockets = Sockets(
            runtime, [_prefix(pattern) for inbox in self._inboxes for pattern in inbox.patterns]
        )
        return True

    def _learn(self, what: type[Event] | str) -> str:
        """The topic or pattern. Events of a type are decoded to that type from now on."""
        if self._is_closed:
            raise ClientError(LEFT)
        if isinstance(what, str):
            return what
        self._types[topic_of(what)] = what
        return topic_of(what)

    def _open_inbox(self, what: Iterable[type[Event] | str]) -> Inbox:
        inbox = Inbox(self, list(dict.fromkeys(self._learn(item) for item in what)))
        for pattern in inbox.patterns:
            self._sockets.subscribe(_prefix(pattern))
        self._inboxes.append(inbox)
        return inbox

    def _close_inbox(self, inbox: Inbox) -> None:
        if inbox not in self._inboxes:
            return
        self._inboxes.remove(inbox)
        if inbox.ordering is not None:
            self._protocol.orderings.pop(inbox.ordering, None)
        if not self._is_closed:
            for pattern in inbox.patterns:
                self._sockets.unsubscribe(_prefix(pattern))

    def _encoded(self, event: AnyEvent) -> bytes:
        """The bytes of an event.

        Raises:
            ValueError: it does not fit into a message.
            ClientError: this client left the bus.
        """
        if self._is_closed:
            raise ClientError(LEFT)
        body = msgspec.msgpack.encode(event)
        if len(body) >= FRAME_LIMIT_BYTES:
            raise ValueError(
                f"an event of {topic_of(event)} has {len(body)} bytes; expected less than {FRAME_LIMIT_BYTES}"
            )
        return body

    def _decoded(self, topic: str, body: bytes | msgspec.Raw) -> Any:
        """An event as its type, where that is known; otherwise a map."""
        known = self._types.get(topic) or EVENTS.get(topic)
        return msgspec.msgpack.decode(body, type=known) if known else msgspec.msgpack.decode(body)

    def _reply(self, request: AnyEvent, body: bytes) -> Any:
        try:
            if isinstance(request, dict):
                return msgspec.msgpack.decode(body)
            return msgspec.msgpack.decode(body, type=reply_type_of(type(request)))  # type: ignore[arg-type]  # the caller asks with a Request
        except UNREADABLE as error:
            raise RequestFailed("invalid", f"the reply cannot be read: {error}", topic_of(request)) from error


class Inbox:
    """Events that wait for one subscriber.

    Attributes:
        latest: place in the order, and publisher, of the last event that was handed out; None: there was
            none, or it was a gap.
        is_retained: whether that event was there before this subscriber came.
    """

    def __init__(self, client: BaseClient, patterns: list[str]) -> None:
        self.patterns = patterns
        self.ordering: Ordering | None = None
        self.queue: deque[tuple[Heard, msgspec.Raw] | Lost] = deque()
        self.latest: Run | None = None
        self.is_retained = False
        self._client = client

    def put(self, step: Heard | Lost) -> None:
        """Take what the ordering hands on."""
        if isinstance(step, Lost):
            self.queue.append(step)
            return
        self.queue.extend(
            (step, event) for event in msgspec.msgpack.decode(step.body, type=list[msgspec.Raw])[step.skip :]
        )

    def next(self) -> Any:
        """The next event; None: none waits. Lost events show as `GapEvent`."""
        while self.queue:
            found = self.queue.popleft()
            if isinstance(found, Lost):
                self.latest, self.is_retained = None, False
                return GapEvent(lost_topic=found.topic, count=found.count, reason=found.reason)
            heard, raw = found
            try:
                event = self._client._decoded(heard.topic, raw)
            except UNREADABLE:
                self._client.undecodable += 1
                continue
            self.latest, self.is_retained = heard.run, heard.retained
            return event
        return None


def _prefix(pattern: str) -> bytes:
    return pattern.removesuffix("*").encode()
