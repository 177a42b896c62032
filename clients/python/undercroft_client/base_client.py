"""What both clients have in common: encoding, following the runtime, and queues of events."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec

from undercroft_client.correlation import correlation as present_correlation
from undercroft_client.errors import ClientError, HelloRefused, NotRunning, PublishRefused, RequestFailed
from undercroft_client.event import Event, reply_type_of, topic_of
from undercroft_client.events import EVENTS
from undercroft_client.heard_report import HeardReport
from undercroft_client.inbox import Inbox
from undercroft_client.outbox import Frames
from undercroft_client.own_places import check_endpoints
from undercroft_client.protocol import LEFT, Asked, Protocol
from undercroft_client.reply_merge import Place
from undercroft_client.runtime import Runtime, environment_credential, read_runtime, runtime_path
from undercroft_client.sockets import Sockets
from undercroft_client.values import UNREADABLE, Unreadable, Unsendable, read_event, write_event

AnyEvent: TypeAlias = Event | dict[str, Any]
"""A typed event, or a map with its topic under the key `type`."""

CONNECT_TIMEOUT_SECONDS: Final = 5.0
REQUEST_TIMEOUT_SECONDS: Final = 5.0
PUBLISH_TIMEOUT_SECONDS: Final = 15.0
DEADLINE_GRACE_SECONDS: Final = 0.25
"""The broker reports a missed deadline. Where it cannot, the client gives up this much later."""

BEHIND_LIMIT_EVENTS: Final = 16_384
"""A publisher that waits for its subscribers waits while the slowest is further behind than this."""

QUEUE_LIMIT_EVENTS: Final = 16_384
CHECK_SECONDS: Final = 1.0
"""How often runtime.json is read again while the broker is away: a new runtime may listen elsewhere."""


class BaseClient:
    """A client without its way of waiting.

    Attributes:
        name: what the bus calls this client.
        undecodable: how many events could not be read, or did not fit their type. Each was told as a gap.
    """

    def __init__(
        self,
        name: str | None,
        app: str,
        home: str | os.PathLike[str] | None,
        runtime: Runtime | None,
        credential: str | None = None,
    ) -> None:
        self._path: Path | None = None if runtime else runtime_path(app, home)
        self._runtime = runtime or read_runtime(runtime_path(app, home))
        check_endpoints(self._runtime.lane, self._runtime.feed)
        self.name = name or f"client-{os.getpid()}-{os.urandom(4).hex()}"
        self.undecodable = 0
        self._credential = credential
        self._protocol = Protocol(self.name, self._presented())
        self._sockets = Sockets(self._runtime)
        self._inboxes: list[Inbox] = []
        self._heard_report = HeardReport()
        self._types: dict[str, type[Event]] = {}
        self._check_due = time.monotonic() + CHECK_SECONDS
        self._is_closed = False

    @property
    def instance(self) -> str:
        """Id of this life of the client, as the headers of its events show it."""
        return self._protocol.public_instance

    @property
    def role(self) -> str:
        """`named` if this client has proved its name with a credential, else `guest`."""
        return self._protocol.role

    @property
    def epoch(self) -> str:
        """The life of the broker that admitted this client last; empty before the first time."""
        return self._protocol.epoch

    @property
    def is_connected(self) -> bool:
        """Whether the broker has admitted this client, and the connection stands as far as is known."""
        return self._protocol.is_welcome

    @property
    def behind(self) -> int:
        """By how many events the slowest subscriber trails what was published last, as far as it said."""
        return self._protocol.behind

    @property
    def meaningless(self) -> int:
        """How many messages made no sense, and were passed over."""
        return self._protocol.meaningless

    def _presented(self) -> str:
        """What HELLO presents to this runtime under this name."""
        found = self._credential or environment_credential(self.name, self._runtime)
        return found or self._runtime.token

    def _exchange(self) -> bool:
        return self._sockets.exchange(self._protocol, self._has_room)

    def _has_room(self) -> bool:
        return all(len(inbox.queue) < QUEUE_LIMIT_EVENTS for inbox in self._inboxes)

    def _final_refusal(self) -> HelloRefused | None:
        """Why this client is out for good; None: it is not."""
        return self._protocol.refusal if self._protocol.is_over else None

    def _follow_runtime(self) -> bool:
        """While the broker is away, look whether the runtime listens elsewhere; returns whether it does."""
        now = time.monotonic()
        if self._protocol.is_welcome or now < self._check_due:
            return False
        self._check_due = now + CHECK_SECONDS
        if self._protocol.refusal is not None and self._protocol.refusal.reason != "denied":
            self._sockets.greet(self._protocol)  # the reason for the refusal may be gone
        if self._path is None:
            return False
        try:
            runtime = read_runtime(self._path)
        except NotRunning:
            return False
        if runtime == self._runtime:
            return False
        self._runtime = runtime
        self._protocol.moved(self._presented())
        self._sockets.close()
        self._sockets = Sockets(
            runtime, [_prefix(pattern) for inbox in self._inboxes for pattern in inbox.patterns]
        )
        return True

    def _check_open(self) -> None:
        """Raise if nothing can be sent any more.

        Raises:
            ClientError: this client left the bus.
            HelloRefused: the broker does not admit it, and never will.
        """
        if self._is_closed:
            raise ClientError(LEFT)
        if (refusal := self._final_refusal()) is not None:
            raise refusal

    def _learn(self, what: type[Event] | str) -> str:
        """The topic or pattern. Events of a type are decoded to that type from now on."""
        self._check_open()
        if isinstance(what, str):
            return what
        self._types[topic_of(what)] = what
        return topic_of(what)

    def _open_inbox(self, what: Iterable[type[Event] | str]) -> Inbox:
        inbox = Inbox(list(dict.fromkeys(self._learn(item) for item in what)), self._decoded, self._handed_on)
        for pattern in inbox.patterns:
            self._sockets.subscribe(_prefix(pattern))
        self._inboxes.append(inbox)
        return inbox

    def _close_inbox(self, inbox: Inbox) -> None:
        if inbox not in self._inboxes:
            return
        self._inboxes.remove(inbox)
        self._heard_report.closed(id(inbox))
        if inbox.ordering is not None:
            self._protocol.feed_follower.orderings.pop(inbox.ordering, None)
        if not self._is_closed:
            for pattern in inbox.patterns:
                self._sockets.unsubscribe(_prefix(pattern))

    def _handed_on(self, inbox: Inbox, topic: str, epoch: str, number: int) -> None:
        if epoch == self._protocol.epoch:
            reached = self._heard_report.handed_on(id(inbox), topic, epoch, number)
            if reached is not None:
                self._protocol.heard(topic, reached)

    def _published(self, event: AnyEvent) -> bytes:
        """The bytes of an event to publish.

        Raises:
            PublishRefused: it is too large, or holds what may not stand in an event.
        """
        self._check_open()
        topic = topic_of(event)
        try:
            return write_event(event)
        except Unsendable as flaw:
            raise PublishRefused(topic, flaw.reason, flaw.detail) from flaw

    def _asked(self, event: AnyEvent) -> bytes:
        """The bytes of a request.

        Raises:
            RequestFailed: kind `invalid`: it is too large, or holds what may not stand in an event.
        """
        self._check_open()
        topic = topic_of(event)
        try:
            return write_event(event)
        except Unsendable as flaw:
            raise RequestFailed("invalid", f"{flaw.reason}: {flaw.detail}", topic) from flaw

    def _answered(self, asked: Asked, reply: AnyEvent, serial: int) -> None:
        """Send a reply, on which work began behind this serial. What nobody could read is a failure."""
        try:
            self._protocol.answer(asked, write_event(reply), serial)
        except Unsendable as flaw:
            self._protocol.fail(asked, "refused", f"{flaw.reason}: the reply: {flaw.detail}")

    def _decoded(self, topic: str, body: bytes | msgspec.Raw) -> Any:
        """An event as its type, where that is known; otherwise a map.

        Raises:
            Unreadable: it is neither.
        """
        try:
            return read_event(body, self._types.get(topic) or EVENTS.get(topic))
        except Unreadable:
            self.undecodable += 1
            raise

    def _reply(self, request: AnyEvent, frames: Frames) -> tuple[Place, Any]:
        """A reply, and its place in the order.

        Raises:
            RequestFailed: kind `invalid`: it cannot be read.
        """
        known: Any = None if isinstance(request, dict) else reply_type_of(type(request))  # type: ignore[arg-type]  # the caller asks with a Request
        try:
            _, epoch, sequence, source = msgspec.msgpack.decode(frames[1])[:4]
            return Place(epoch, sequence, source), read_event(frames[2], known)
        except (Unreadable, IndexError, *UNREADABLE) as error:
            raise RequestFailed("invalid", f"the reply cannot be read: {error}", topic_of(request)) from error


def chosen_correlation(given: str | None) -> str | None:
    """The correlation that is given, or that of the block around the call."""
    return given if given is not None else present_correlation.get()


def _prefix(pattern: str) -> bytes:
    return pattern.removesuffix("*").encode()
