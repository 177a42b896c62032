"""The synchronous client, for scripts and for one thread of a program."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator
from contextlib import nullcontext
from types import TracebackType
from typing import Any, TypeVar, overload

from undercroft_client.base_client import (
    BEHIND_LIMIT_EVENTS,
    CHECK_SECONDS,
    CONNECT_TIMEOUT_SECONDS,
    DEADLINE_GRACE_SECONDS,
    PUBLISH_TIMEOUT_SECONDS,
    REQUEST_TIMEOUT_SECONDS,
    AnyEvent,
    BaseClient,
    chosen_correlation,
)
from undercroft_client.correlation import correlated
from undercroft_client.errors import ClientError, NotRunning, Refused, RequestFailed
from undercroft_client.event import Event, Request, retained_key_of, topic_of
from undercroft_client.inbox import Inbox
from undercroft_client.outbox import Frames
from undercroft_client.reply_follower import ReplyFollower
from undercroft_client.reply_merge import JOINED_TOPIC, Followed
from undercroft_client.runtime import DEFAULT_APP, Runtime
from undercroft_client.values import Unreadable

ReplyT = TypeVar("ReplyT", bound=Event)


class Outcome:
    """The outcome of a question, once there is one."""

    def __init__(self) -> None:
        self.is_there = False
        self.frames: Frames = []
        self.error: Exception | None = None

    def __call__(self, frames: Frames, error: Exception | None) -> None:
        """Take the outcome."""
        self.is_there, self.frames, self.error = True, frames, error

    def get(self) -> Frames:
        """The frames of the answer; raises the failure, if it was one."""
        if self.error is not None:
            raise self.error
        return self.frames


class Client(BaseClient):
    """A client for one thread, made by `connect`. It works only while one of its calls waits."""

    def __init__(
        self,
        name: str | None,
        app: str,
        home: str | os.PathLike[str] | None,
        runtime: Runtime | None,
        credential: str | None = None,
    ) -> None:
        super().__init__(name, app, home, runtime, credential)
        self._handlers: dict[str, Callable[[Any], AnyEvent]] = {}
        self._is_answering = False

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self, *, returning: bool = False) -> None:
        """Leave the bus.

        Args:
            returning: requests to this client fail as `restarting` until it is back.
        """
        if not self._is_closed:
            self._is_closed = True
            self._protocol.leave(returning=returning)
            self._exchange()
            self._sockets.close(linger=True)

    @overload
    def request(
        self, event: Request[ReplyT], timeout_seconds: float = ..., *, correlation: str | None = ...
    ) -> ReplyT: ...
    @overload
    def request(
        self, event: dict[str, Any], timeout_seconds: float = ..., *, correlation: str | None = ...
    ) -> Any: ...
    def request(
        self,
        event: Request[Any] | dict[str, Any],
        timeout_seconds: float = REQUEST_TIMEOUT_SECONDS,
        *,
        correlation: str | None = None,
    ) -> Any:
        """Send a request, and wait for its reply.

        Args:
            event: a typed request, or a map with its topic under `type`.
            timeout_seconds: limit of the wait.
            correlation: the matter that it belongs to; None: that of the block (see `correlated`).

        Raises:
            RequestFailed: there is no reply; its `kind` says why.
        """
        outcome, body = Outcome(), self._asked(event)
        id = self._protocol.request(
            topic_of(event), body, timeout_seconds, chosen_correlation(correlation), outcome
        )
        if not self.wait_for(lambda: outcome.is_there, timeout_seconds + DEADLINE_GRACE_SECONDS):
            self._protocol.give_up(id)
            raise RequestFailed(
                "deadline",
                f"no outcome within {timeout_seconds} s, not even from the broker",
                topic_of(event),
            )
        return self._reply(event, outcome.get())[1]

    def publish(
        self,
        *events: AnyEvent,
        key: str | None = None,
        correlation: str | None = None,
        wait_for_subscribers: bool = False,
        timeout_seconds: float = PUBLISH_TIMEOUT_SECONDS,
    ) -> None:
        """Publish events. Returns once the broker has given all of them their place in the order.

        Args:
            events: typed events, or maps with their topic under `type`.
            key: retains events that are maps, as `retained_by` does for typed ones.
            correlation: the matter that they belong to; None: that of the block (see `correlated`).
            wait_for_subscribers: wait too until no subscriber is far behind (see `behind`).
            timeout_seconds: limit of the wait.

        Raises:
            PublishRefused: the broker gave one of them no place, or one cannot be sent.
            TimeoutError: the broker is away, and the events are published once it is back; or subscribers are
                still far behind.
        """
        bodies = [
            (topic_of(event), self._published(event), key if key is not None else retained_key_of(event))
            for event in events
        ]
        outcomes = [Outcome() for _ in bodies]
        for (topic, body, retained_key), outcome in zip(bodies, outcomes, strict=True):
            self._protocol.publish(topic, body, retained_key, chosen_correlation(correlation), outcome)
        self._wait_for_acceptance(outcomes, timeout_seconds)
        if wait_for_subscribers and not self.wait_for(
            lambda: self.behind <= BEHIND_LIMIT_EVENTS, timeout_seconds
        ):
            raise TimeoutError(f"a subscriber is {self.behind} events behind after {timeout_seconds} s")

    def withdraw(
        self, what: type[Event] | str, key: str, timeout_seconds: float = PUBLISH_TIMEOUT_SECONDS
    ) -> None:
        """Take back what this client retains under this key: late joiners do not get it any more.

        Raises:
            PublishRefused: another peer retains it.
            TimeoutError: the broker is away; it is withdrawn once it is back.
        """
        self._check_open()
        outcome, topic = Outcome(), what if isinstance(what, str) else topic_of(what)
        self._protocol.publish(topic, None, key, chosen_correlation(None), outcome)
        self._wait_for_acceptance([outcome], timeout_seconds)

    def _wait_for_acceptance(self, outcomes: list[Outcome], timeout_seconds: float) -> None:
        self._protocol.hurry()
        if not self.wait_for(lambda: all(outcome.is_there for outcome in outcomes), timeout_seconds):
            raise TimeoutError(
                f"{sum(not outcome.is_there for outcome in outcomes)} event(s) not accepted "
                f"within {timeout_seconds} s"
            )
        for outcome in outcomes:
            outcome.get()

    def ask_then_follow(
        self,
        request: Request[Any] | dict[str, Any],
        *what: type[Event] | str,
        timeout_seconds: float = REQUEST_TIMEOUT_SECONDS,
        correlation: str | None = None,
    ) -> Generator[Followed, None, None]:
        """Ask for a state, then hear what changes it, in an order that cannot be wrong.

        A `reply` replaces everything handed on before; an `event` behind it is newer than the reply, and to
        be merged into it. After a gap, and when the server was started anew, it asks again by itself.

        Raises:
            RequestFailed: there is no reply; its `kind` says why.
            TimeoutError: the broker does not answer.
        """
        patterns = [self._learn(item) for item in what]
        subscription = self.subscribe(*patterns, JOINED_TOPIC)
        chosen = chosen_correlation(correlation)
        follower = ReplyFollower(self, subscription.inbox, request, patterns, chosen, timeout_seconds)
        try:
            while True:
                if (followed := follower.step(time.monotonic())) is not None:
                    yield followed
                else:
                    self.wait_for(follower.is_ready, follower.wait_seconds(time.monotonic()))
        finally:
            follower.close()

    def subscribe(
        self, *what: type[Event] | str, timeout_seconds: float = CONNECT_TIMEOUT_SECONDS
    ) -> Subscription:
        """Hear events of these types or patterns (`models.*`, `*`) from now on; retained ones come first.

        Raises:
            RequestFailed: the broker refuses it.
            TimeoutError: the broker does not answer.
        """
        outcome, inbox = Outcome(), self._open_inbox(what)
        inbox.ordering = self._protocol.feed_follower.subscribe(inbox.patterns, inbox.put, outcome)
        try:
            if not self.wait_for(lambda: outcome.is_there, timeout_seconds):
                raise TimeoutError(f"the broker did not answer within {timeout_seconds} s")
            outcome.get()
        except BaseException:
            self._close_inbox(inbox)
            raise
        return Subscription(self, inbox)

    def serve(
        self,
        what: type[Request[Any]] | str,
        answer: Callable[[Any], AnyEvent],
        timeout_seconds: float = CONNECT_TIMEOUT_SECONDS,
    ) -> None:
        """Serve requests of this type or topic from now on, while a call of this client waits (see `run`).

        Args:
            what: the type or topic of the requests.
            answer: gets the request and returns the reply, or raises `Refused`.
            timeout_seconds: limit of the wait for the broker's confirmation.

        Raises:
            RequestFailed: kind `refused`: another peer serves it; kind `invalid`: there is no such topic.
            TimeoutError: the broker does not answer.
        """
        topic, outcome = self._learn(what), Outcome()
        self._handlers[topic] = answer
        self._protocol.serve([topic], outcome)
        if not self.wait_for(lambda: outcome.is_there, timeout_seconds):
            raise TimeoutError(f"the broker did not answer within {timeout_seconds} s")
        outcome.get()

    def run(self, timeout_seconds: float | None = None) -> None:
        """Answer requests and collect events, for this long or until interrupted."""
        self.wait_for(lambda: False, timeout_seconds)

    def wait_for(self, is_over: Callable[[], bool], timeout_seconds: float | None) -> bool:
        """Send and receive until `is_over` says so, or the time is over. Returns whether it did.

        Raises:
            HelloRefused: another peer has this client's name now, or the name is reserved.
        """
        end = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        while True:
            more = self._exchange()
            if self._protocol.asked and not self._is_answering:
                self._answer_next()
                continue
            if is_over():
                return True
            if (refusal := self._final_refusal()) is not None:
                raise refusal
            left = CHECK_SECONDS if end is None else min(CHECK_SECONDS, end - time.monotonic())
            if left <= 0:
                return False
            if not more:
                self._sockets.poll(
                    left, is_sending=bool(self._protocol.outgoing), is_hearing=self._has_room()
                )
            self._follow_runtime()

    def _answer_next(self) -> None:
        asked = self._protocol.asked.popleft()
        handler = self._handlers.get(asked.topic)
        if handler is None:
            self._protocol.fail(asked, "no_responder", f"{self.name} does not answer {asked.topic}")
            return
        try:
            request = self._decoded(asked.topic, asked.body)
        except Unreadable as error:
            self._protocol.fail(asked, "invalid", f"the request cannot be read: {error}")
            return
        self._is_answering, serial = True, self._protocol.serial
        try:
            with nullcontext() if asked.correlation is None else correlated(asked.correlation):
                self._answered(asked, handler(request), serial)
        except Refused as refused:
            self._protocol.fail(asked, "refused", str(refused))
        except BaseException:
            self._protocol.fail(asked, "died", f"{self.name} failed while it had the request")
            self._exchange()
            raise
        finally:
            self._is_answering = False


class Subscription:
    """Events in order: `for event in subscription`, or `subscription.next()`. Gaps show as `GapEvent`."""

    def __init__(self, client: Client, inbox: Inbox) -> None:
        self.inbox = inbox
        self._client = client

    def __enter__(self) -> Subscription:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Subscription:
        return self

    def __next__(self) -> Any:
        return self.next()

    @property
    def correlation(self) -> str | None:
        """The matter that the event handed out last belongs to; `with correlated(...)` carries it on."""
        return self.inbox.latest.correlation if self.inbox.latest else None

    def next(self, timeout_seconds: float | None = None) -> Any:
        """The next event.

        Raises:
            TimeoutError: none came in time.
        """
        while True:
            event = self.inbox.next()
            if event is not None:
                return event
            if not self._client.wait_for(lambda: bool(self.inbox.queue), timeout_seconds):
                raise TimeoutError(f"no event within {timeout_seconds} s")

    def close(self) -> None:
        """Stop listening."""
        self._client._close_inbox(self.inbox)


def connect(
    name: str | None = None,
    *,
    app: str = DEFAULT_APP,
    home: str | os.PathLike[str] | None = None,
    runtime: Runtime | None = None,
    credential: str | None = None,
    timeout_seconds: float = CONNECT_TIMEOUT_SECONDS,
) -> Client:
    """Connect to a runtime. The client reconnects by itself until it is closed.

    Args:
        name: unique among those connected; None: a random one.
        app: name of the app whose runtime is looked up.
        home: directory of that runtime, in place of `app`.
        runtime: connect to this one, in place of looking it up.
        credential: proves that this client is who its name says; None: that in UNDERCROFT_CREDENTIAL, if it
            was made for this name and this runtime, else the token of the runtime, which makes a guest.
        timeout_seconds: limit of the first connection.

    Raises:
        NotRunning: there is no runtime, or it does not answer.
        HelloRefused: it does not admit this client.
    """
    client = Client(name, app, home, runtime, credential)
    try:
        client.wait_for(
            lambda: client._protocol.is_welcome or client._protocol.refusal is not None, timeout_seconds
        )
        if client._protocol.refusal is not None:
            raise client._protocol.refusal
        if not client._protocol.is_welcome:
            raise NotRunning(
                str(client._path), f"no answer at {client._runtime.lane} within {timeout_seconds} s"
            )
    except ClientError:
        client.close()
        raise
    return client
