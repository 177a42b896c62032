"""The client for asyncio: the same as the synchronous one, with `await`."""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, TypeAlias, TypeVar, overload

from undercroft_client.base_client import (
    CHECK_SECONDS,
    CONNECT_TIMEOUT_SECONDS,
    DEADLINE_GRACE_SECONDS,
    PUBLISH_TIMEOUT_SECONDS,
    REQUEST_TIMEOUT_SECONDS,
    UNREADABLE,
    AnyEvent,
    BaseClient,
    Inbox,
)
from undercroft_client.errors import NotRunning, Refused, RequestFailed
from undercroft_client.event import Event, Request, retained_key_of, topic_of
from undercroft_client.outbox import Frames
from undercroft_client.protocol import Asked
from undercroft_client.runtime import DEFAULT_APP, Runtime

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
        self, name: str | None, app: str, home: str | os.PathLike[str] | None, runtime: Runtime | None
    ) -> None:
        super().__init__(name, app, home, runtime)
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
    async def request(self, event: Request[ReplyT], timeout_seconds: float = ...) -> ReplyT: ...
    @overload
    async def request(self, event: dict[str, Any], timeout_seconds: float = ...) -> Any: ...
    async def request(
        self, event: Request[Any] | dict[str, Any], timeout_seconds: float = REQUEST_TIMEOUT_SECONDS
    ) -> Any:
        """Send a request, and wait for its reply.

        Raises:
            RequestFailed: there is no reply; its `kind` says why.
        """
        outcome = Outcome()
        id = self._protocol.request(topic_of(event), self._encoded(event), timeout_seconds, None, outcome)
        self._schedule()
        try:
            async with asyncio.timeout(timeout_seconds + DEADLINE_GRACE_SECONDS):
                return self._reply(event, (await outcome)[2])
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
        self, *events: AnyEvent, key: str | None = None, timeout_seconds: float = PUBLISH_TIMEOUT_SECONDS
    ) -> None:
        """Publish events. Returns once the broker has given all of them their place in the order.

        Args:
            events: typed events, or maps with their topic under `type`.
            key: retains events that are maps, as `retained_by` does for typed ones.
            timeout_seconds: limit of the wait.

        Raises:
            PublishRefused: the broker gave one of them no place.
            TimeoutError: the broker is away; the events are published once it is back.
        """
        bodies = [
            (topic_of(event), self._encoded(event), key if key is not None else retained_key_of(event))
            for event in events
        ]
        outcomes = [Outcome() for _ in bodies]
        for (topic, body, retained_key), outcome in zip(bodies, outcomes, strict=True):
            self._protocol.publish(topic, body, retained_key, None, outcome)
        self._protocol.hurry()
        self._schedule()
        async with asyncio.timeout(timeout_seconds):
            for outcome in outcomes:
                await outcome

    async def subscribe(
        self, *what: type[Event] | str, timeout_seconds: float = CONNECT_TIMEOUT_SECONDS
    ) -> Subscription:
        """Hear events of these types or patterns (`models.*`, `*`) from now on; retained ones come first.

        Raises:
            RequestFailed: the broker refuses it.
            TimeoutError: the broker does not answer.
        """
        outcome, inbox = Outcome(), self._open_inbox(what)
        inbox.ordering = self._protocol.subscribe(inbox.patterns, inbox.put, outcome)
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
        """Wait until a condition holds, such as `lambda: client.is_connected`."""
        while not is_so() and not self._is_closed:
            self._changed.clear()
            await self._changed.wait()

    async def _answer(self, asked: Asked) -> None:
        handler = self._handlers.get(asked.topic)
        try:
            if handler is None:
                self._protocol.fail(asked.id, "no_responder", f"{self.name} does not answer {asked.topic}")
                return
            reply = handler(self._decoded(asked.topic, asked.body))
            self._protocol.answer(
                asked.id, self._encoded(await reply if inspect.isawaitable(reply) else reply)
            )
        except UNREADABLE as error:
            self._protocol.fail(asked.id, "invalid", f"the request cannot be read: {error}")
        except Refused as refused:
            self._protocol.fail(asked.id, "refused", str(refused))
        except BaseException:
            self._protocol.fail(asked.id, "died", f"{self.name} failed while it had the request")
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

    async def next(self) -> Any:
        """The next event; None once the client or the subscription is closed."""
        while (
            (event := self.inbox.next()) is None
            and not self._client._is_closed
            and self.inbox in self._client._inboxes
        ):
            self._client._schedule()  # the feed was not read while this queue was full
            self._client._changed.clear()
            await self._client._changed.wait()
        return event

    def close(self) -> None:
        """Stop listening."""
        self._client._close_inbox(self.inbox)
        self._client._changed.set()


class Connection:
    """What `connect` returns: `async with connect(...) as client`."""

    def __init__(
        self,
        name: str | None,
        app: str,
        home: str | os.PathLike[str] | None,
        runtime: Runtime | None,
        timeout_seconds: float,
    ) -> None:
        self._arguments = (name, app, home, runtime)
        self._timeout_seconds = timeout_seconds
        self._client: Client | None = None

    async def __aenter__(self) -> Client:
        client = self._client = Client(*self._arguments)
        protocol = client._protocol
        try:
            async with asyncio.timeout(self._timeout_seconds):
                await client.wait_for(lambda: protocol.is_welcome or protocol.refusal is not None)
            if protocol.refusal is not None:
                raise protocol.refusal
        except TimeoutError:
            await client.close()
            raise NotRunning(
                str(client._path),
                f"no answer at {client._runtime.lane} within {self._timeout_seconds} s",
            ) from None
        except BaseException:
            await client.close()
            raise
        return client

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            await self._client.close()


def connect(
    name: str | None = None,
    *,
    app: str = DEFAULT_APP,
    home: str | os.PathLike[str] | None = None,
    runtime: Runtime | None = None,
    timeout_seconds: float = CONNECT_TIMEOUT_SECONDS,
) -> Connection:
    """Connect to a runtime. The client reconnects by itself until the block ends.

    Args:
        name: unique among those connected; None: a random one.
        app: name of the app whose runtime is looked up.
        home: directory of that runtime, in place of `app`.
        runtime: connect to this one, in place of looking it up.
        timeout_seconds: limit of the first connection.

    Raises:
        NotRunning: there is no runtime, or it does not answer.
        HelloRefused: it does not admit this client.
    """
    return Connection(name, app, home, runtime, timeout_seconds)
