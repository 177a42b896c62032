"""What the synchronous and the asynchronous client have in common: encoding, following the runtime, queues of events."""

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
from undercroft_client.protocol import FRAME_LIMIT_BYTES, LEFT, Protocol
from undercroft_client.reception import Heard, Lost, Reception, Run
from undercroft_client.runtime import Runtime, read_runtime, runtime_path
from undercroft_client.sockets import Sockets

AnyEvent: TypeAlias = Event | dict[str, Any]
"""A typed event, or a map with its topic under the key `type`."""

CONNECT_TIMEOUT_SECONDS: Final = 5.0
REQUEST_TIMEOUT_SECONDS: Final = 5.0
PUBLISH_TIMEOUT_SECONDS: Final = 15.0
DEADLINE_GRACE_SECONDS: Final = 0.25
"""The broker tells of a missed deadline; if it cannot, the client finds out by itself so much later."""

QUEUE_LIMIT_EVENTS: Final = 16_384
CHECK_SECONDS: Final = 1.0
"""While the broker does not let us in, runtime.json is read again so often: a new runtime may listen elsewhere."""

UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Shell:
    """A client without its way of waiting.

    Attributes:
        name, instance: how the bus knows this client, and this life of it.
        undecodable: events that did not fit their type, and were skipped.
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
        """Life of the broker that let this client in last; empty before the first."""
        return self._protocol.epoch

    @property
    def is_connected(self) -> bool:
        """Whether the broker knows this client right now."""
        return self._protocol.is_welcome

    def _exchange(self) -> bool:
        return self._sockets.exchange(self._protocol, self._has_room)

    def _has_room(self) -> bool:
        return all(len(inbox.queue) < QUEUE_LIMIT_EVENTS for inbox in self._inboxes)

    def _follow_runtime(self) -> bool:
        """While the broker is away: look whether the runtime listens elsewhere now; whether the sockets are new."""
        now = time.monotonic()
        if self._protocol.is_welcome or now < self._check_due:
            return False
        self._check_due = now + CHECK_SECONDS
        if self._protocol.refusal is not None and self._protocol.refusal.reason != "denied":
            self._protocol.connected()  # what was in the way may be gone
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
        """Topic or pattern that is meant; a type is what its topic is decoded to from now on."""
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
        if inbox.reception is not None:
            self._protocol.receptions.pop(inbox.reception, None)
        if not self._is_closed:
            for pattern in inbox.patterns:
                self._sockets.unsubscribe(_prefix(pattern))

    def _encoded(self, event: AnyEvent) -> bytes:
        """Bytes of an event.

        Raises:
            ValueError: it does not fit into a message.
            ClientError: this client left the bus.
        """
        if self._is_closed:
            raise ClientError(LEFT)
        body = msgspec.msgpack.encode(event)
        if len(body) >= FRAME_LIMIT_BYTES:
            raise ValueError(
                f"an event of {topic_of(event)} has {len(body)} bytes, at most {FRAME_LIMIT_BYTES - 1} can be sent"
            )
        return body

    def _decoded(self, topic: str, body: bytes | msgspec.Raw) -> Any:
        """An event as its type, if that is known; a map otherwise."""
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
        latest: place in the order, and publisher, of the event that was handed out last; None before the
            first and after a gap.
        is_retained: whether that event was there before this subscriber came.
    """

    def __init__(self, shell: Shell, patterns: list[str]) -> None:
        self.patterns = patterns
        self.reception: Reception | None = None
        self.queue: deque[tuple[Heard, msgspec.Raw] | Lost] = deque()
        self.latest: Run | None = None
        self.is_retained = False
        self._shell = shell

    def put(self, step: Heard | Lost) -> None:
        """Take what the reception hands on."""
        if isinstance(step, Lost):
            self.queue.append(step)
            return
        self.queue.extend(
            (step, event) for event in msgspec.msgpack.decode(step.body, type=list[msgspec.Raw])[step.skip :]
        )

    def next(self) -> Any:
        """The next event, or None if none waits; events that are lost show as `GapEvent`."""
        while self.queue:
            found = self.queue.popleft()
            if isinstance(found, Lost):
                self.latest, self.is_retained = None, False
                return GapEvent(lost_topic=found.topic, count=found.count, reason=found.reason)
            heard, raw = found
            try:
                event = self._shell._decoded(heard.topic, raw)
            except UNREADABLE:
                self._shell.undecodable += 1
                continue
            self.latest, self.is_retained = heard.run, heard.retained
            return event
        return None


def _prefix(pattern: str) -> bytes:
    return pattern.removesuffix("*").encode()
