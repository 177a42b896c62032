"""A client on an event loop."""

from __future__ import annotations

import asyncio
import inspect
import os
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import nullcontext
from types import TracebackType
from typing import Any, TypeAlias, TypeVar, overload

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
from undercroft_client.errors import Refused, RequestFailed
from undercroft_client.event import Event, Request, retained_key_of, topic_of
from undercroft_client.inbox import Inbox
from undercroft_client.outbox import Frames
from undercroft_client.protocol import Asked
from undercroft_client.reply_follower import ReplyFollower
from undercroft_client.reply_merge import JOINED_TOPIC, Followed
from undercroft_client.runtime import Runtime
from undercroft_client.values import Unreadable

ReplyT = TypeVar("ReplyT", bound=Event)
Handler: TypeAlias = Callable[[Any], AnyEvent | Awaitable[AnyEvent]]


class Outcome(asyncio.Future[Frames]):
    """The outcome of a question, once there is one."""

    def __call__(self, frames: Frames, error: Exception | None) -> None:
        """Take the outcome."""
        if self.done():
            return
        if error is None:
            self.set_result(frames)
        else:
            self.set_exception(error)
            self.exception()  # marks it as retrieved: nobody need be waiting


class Client(BaseClient):
    """A client on an event loop, made by `connect`. On Windows it needs asyncio's selector event loop."""

    def __init__(
        self,
        name: str | None,
        app: str,
        home: str | os.PathLike[str] | None,
        runtime: Runtime | None,
        credential: str | None = None,
    ) -> None:
        super().__init__(name, app, home, runtime, credential)
        self._loop = asyncio.get_running_loop()
        self._handlers: dict[str, Handler] = {}
        self._answering: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._is_scheduled = False
        self._timer = self._loop.call_later(CHECK_SECONDS, self._check)
        self._watch()

    def _watch(self) -> None:
        for socket in (self._sockets.monitor, self._sockets.lane, self._sockets.feed):
            self._loop.add_reader(socket.fileno(), self._turn)
        self._schedule()

    def _unwatch(self) -> None:
        for socket in (self._sockets.monitor, self._sockets.lane, self._sockets.feed):
            self._loop.remove_reader(socket.fileno())

    def _schedule(self) -> None:
        """Send and receive in the next turn of the loop."""
        if not self._is_scheduled:
            self._is_scheduled = True
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        self._is_scheduled = False
        if self._is_closed:
            return
        if self._exchange():
            self._schedule()
        while self._protocol.asked:
            task = self._loop.create_task(self._answer(self._protocol.asked.popleft()))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)
        self._changed.set()

    def _check(self) -> None:
        self._timer = self._loop.call_later(CHECK_SECONDS, self._check)
        if not self.is_connected:
            self._unwatch()
            self._follow_runtime()
            self._watch()

    async def close(self, *, returning: bool = False) -> None:
        """Leave the bus.

        Args:
            returning: requests to this client fail as `restarting` until it is back.
        """
        if not self._is_closed:
            self._is_closed = True
            self._timer.cancel()
            for task in list(self._answering):
                task.cancel()
            self._protocol.leave(returning=returning)
            self._exchange()
            self._unwatch()
            self._sockets.close(linger=True)
            self._changed.set()

    @overload
    async def request(
        self, event: Request[ReplyT], timeout_seconds: float = ..., *, correlation: str | None = ...
    ) -> ReplyT: ...
    @overload
    async def request(
        self, event: dict[str, Any], timeout_seconds: float = ..., *, correlation: str | None = ...
    ) -> Any: ...
    async def request(
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
        self._schedule()
        try:
            async with asyncio.timeout(timeout_seconds + DEADLINE_GRACE_SECONDS):
                return self._reply(event, await outcome)[1]
        except TimeoutError:
            raise RequestFailed(
                "deadline",
                f"no outcome within {timeout_seconds} s, not even from the broker",
                topic_of(event),
            ) from None
        finally:
            self._protocol.give_up(id)
            self._schedule()

    async def publish(
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
        async with asyncio.timeout(timeout_seconds):
            await self._wait_for_acceptance(outcomes)
            if wait_for_subscribers:
                await self.wait_for(lambda: self.behind <= BEHIND_LIMIT_EVENTS)

    async def withdraw(
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
        async with asyncio.timeout(timeout_seconds):
            await self._wait_for_acceptance([outcome])

    async def _wait_for_acceptance(self, outcomes: list[Outcome]) -> None:
        self._protocol.hurry()
        self._schedule()
        for outcome in outcomes:
            await outcome

    async def ask_then_follow(
        self,
        request: Request[Any] | dict[str, Any],
        *what: type[Event] | str,
        timeout_seconds: float = REQUEST_TIMEOUT_SECONDS,
        correlation: str | None = None,
    ) -> AsyncGenerator[Followed, None]:
        """Ask for a state, then hear what changes it, in an order that cannot be wrong.

        A `reply` replaces everything handed on before; an `event` behind it is newer than the reply, and to
        be merged into it. After a gap, and when the server was started anew, it asks again by itself.

        Raises:
            RequestFailed: there is no reply; its `kind` says why.
            TimeoutError: the broker does not answer.
        """
        patterns = [self._learn(item) for item in what]
        subscription = await self.subscribe(*patterns, JOINED_TOPIC)
        chosen = chosen_correlation(correlation)
        follower = ReplyFollower(self, subscription.inbox, request, patterns, chosen, timeout_seconds)
        try:
            while not self._is_closed:
                followed = follower.step(time.monotonic())
                self._schedule()
                if followed is not None:
                    yield followed
                    continue
                try:
                    async with asyncio.timeout(follower.wait_seconds(time.monotonic())):
                        await self.wait_for(follower.is_ready)
                except TimeoutError:
                    pass  # to be asked again
        finally:
            follower.close()
            self._schedule()

    async def subscribe(
        self, *what: type[Event] | str, timeout_seconds: float = CONNECT_TIMEOUT_SECONDS
    ) -> Subscription:
        """Hear events of these types or patterns (`models.*`, `*`) from now on; retained ones come first.

        Raises:
            RequestFailed: the broker refuses it.
            TimeoutError: the broker does not answer.
        """
        outcome, inbox = Outcome(), self._open_inbox(what)
        inbox.ordering = self._protocol.feed_follower.subscribe(inbox.patterns, inbox.put, outcome)
        self._schedule()
        try:
            async with asyncio.timeout(timeout_seconds):
                await outcome
        except BaseException:
            self._close_inbox(inbox)
            raise
        return Subscription(self, inbox)

    async def serve(
        self,
        what: type[Request[Any]] | str,
        answer: Handler,
        timeout_seconds: float = CONNECT_TIMEOUT_SECONDS,
    ) -> None:
        """Serve requests of this type or topic from now on, each in a task of its own.

        Args:
            what: the type or topic of the requests.
            answer: gets the request and returns the reply, or raises `Refused`; may be a coroutine function.
            timeout_seconds: limit of the wait for the broker's confirmation.

        Raises:
            RequestFailed: kind `refused`: another peer serves it; kind `invalid`: there is no such topic.
            TimeoutError: the broker does not answer.
        """
        topic, outcome = self._learn(what), Outcome()
        self._handlers[topic] = answer
        self._protocol.serve([topic], outcome)
        self._schedule()
        async with asyncio.timeout(timeout_seconds):
            await outcome

    async def wait_for(self, is_so: Callable[[], bool]) -> None:
        """Wait until a condition holds, such as `lambda: client.is_connected`.

        Raises:
            HelloRefused: another peer has this client's name now, or the name is reserved.
        """
        while not is_so() and not self._is_closed:
            if (refusal := self._final_refusal()) is not None:
                raise refusal
            self._changed.clear()
            await self._changed.wait()

    async def _answer(self, asked: Asked) -> None:
        handler, serial = self._handlers.get(asked.topic), self._protocol.serial
        try:
            if handler is None:
                self._protocol.fail(asked, "no_responder", f"{self.name} does not answer {asked.topic}")
                return
            request = self._decoded(asked.topic, asked.body)
            with nullcontext() if asked.correlation is None else correlated(asked.correlation):
                reply = handler(request)
                self._answered(asked, await reply if inspect.isawaitable(reply) else reply, serial)
        except Unreadable as error:
            self._protocol.fail(asked, "invalid", f"the request cannot be read: {error}")
        except Refused as refused:
            self._protocol.fail(asked, "refused", str(refused))
        except BaseException:
            self._protocol.fail(asked, "died", f"{self.name} failed while it had the request")
            raise
        finally:
            self._schedule()


class Subscription:
    """Events in order: `async for event in subscription`, or `await subscription.next()`."""

    def __init__(self, client: Client, inbox: Inbox) -> None:
        self.inbox = inbox
        self._client = client

    async def __aenter__(self) -> Subscription:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> Any:
        event = await self.next()
        if event is None:
            raise StopAsyncIteration
        return event

    @property
    def correlation(self) -> str | None:
        """The matter that the event handed out last belongs to; `with correlated(...)` carries it on."""
        return self.inbox.latest.correlation if self.inbox.latest else None

    async def next(self) -> Any:
        """The next event; None once the client or the subscription is closed.

        Raises:
            HelloRefused: another peer has this client's name now.
        """
        while (event := self.inbox.next()) is None and self.inbox in self._client._inboxes:
            if self._client._is_closed:
                return None
            self._client._schedule()  # the feed was not read while this queue was full
            await self._client.wait_for(
                lambda: bool(self.inbox.queue) or self.inbox not in self._client._inboxes
            )
        if self._client._protocol.outgoing:
            self._client._schedule()  # it may say how far it has come
        return event

    def close(self) -> None:
        """Stop listening."""
        self._client._close_inbox(self.inbox)
        self._client._changed.set()
