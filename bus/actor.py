"""The shell around every actor: what it hears comes one at a time, what it is asked is answered, and it stops in good order."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import types
import typing
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Generic, TypeVar

import anyio
import anyio.abc
import msgspec

from bus.alert_book import Alerts
from bus.client import GapEvent, IncomingRequest, Peer, asker, correlation
from bus.errors import Refused, UndercroftError
from bus.instruments import Metrics, gaps_of
from bus.lifeline import Lifeline, LifelineClosed
from bus.peer.subscription import Subscription
from bus.wire import UNREADABLE
from schemas.event import Event, Request, topic_of
from schemas.operations.alerts import AlertChangedEvent
from schemas.operations.metrics import MetricsReportedEvent, MetricsWantedEvent

log = logging.getLogger(__name__)
STOP_SETTLE_SECONDS: Final = 2.0
"""At the end an actor waits so long for the broker to accept what it published last."""

InboxT = TypeVar("InboxT", bound=Event)


class InboxError(UndercroftError):
    """An actor declares an inbox that cannot be read.

    Attributes:
        actor: name of the class.
        found: what it declares.
    """

    actor: str
    found: str
    words = (
        "{actor}: the inbox is {found}; expected a union of event types, as in class "
        "{actor}(Actor[AEvent | BEvent])"
    )


@dataclass(frozen=True, slots=True)
class Later:
    """Returned by a handler instead of the reply: `work` finds it, beside the inbox, which goes on meanwhile."""

    work: Callable[[], Awaitable[Event]]


@dataclass(frozen=True, kw_only=True, slots=True)
class BusContext:
    """What an actor has of the bus, from the first line of its constructor.

    Attributes:
        peer: its connection to the bus.
        tasks: for work that goes on beside the inbox; if a task fails, the actor does.
        alerts: tells what is wrong, until it is cleared.
        metrics: what it counts and measures.
    """

    peer: Peer
    tasks: anyio.abc.TaskGroup
    alerts: Alerts
    metrics: Metrics


class Actor(Generic[InboxT]):
    """Serves the requests and hears the events that its declared inbox names.

    `class ModelVerifier(Actor[Inbox])` with `Inbox = AskEvent | HappenedEvent` is all the registration there
    is.

    Attributes:
        peer, tasks, alerts, metrics: as in the context.
    """

    inbox: ClassVar[tuple[type[Event], ...]] = ()

    peer: Peer
    tasks: anyio.abc.TaskGroup
    alerts: Alerts
    metrics: Metrics

    def __init__(self, context: BusContext | None = None) -> None:
        if context is None:
            return
        self.peer = context.peer
        self.tasks = context.tasks
        self.alerts = context.alerts
        self.metrics = context.metrics

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for base in getattr(cls, "__orig_bases__", ()):
            if typing.get_origin(base) is Actor:
                cls.inbox = _members(cls.__name__, typing.get_args(base)[0])

    async def prepare(self) -> None:
        """Get ready to serve. Runs before the first event and before the actor counts as ready."""

    async def handle(self, event: InboxT) -> Event | Later | None:
        """React to one event, or answer one request with its reply; never two at once.

        What takes long returns `Later(work)`. If the actor stops before that is done, whoever asked is told
        so. Who asks is in `bus.client.asker`, for the work as for the handler.

        Raises:
            Refused: the request is understood and the answer is no.
        """
        raise NotImplementedError

    async def missed(self, gap: GapEvent) -> None:
        """Events of the inbox were lost for good. By default that is of no consequence."""

    async def close(self) -> None:
        """Let go, after the last queued request was answered."""


class ActorLoop(Generic[InboxT]):
    """Runs one actor over one peer until it is told to stop."""

    def __init__(self, build: Callable[[BusContext], Actor[InboxT]] | Actor[InboxT], peer: Peer) -> None:
        self._build = build
        self._actor: Actor[InboxT]
        self._peer = peer
        self._requests: deque[IncomingRequest] = deque()
        self._stopping = False
        self._returning = False
        self._is_idle = True
        self._wake = asyncio.Event()
        self._decoders: dict[str, msgspec.msgpack.Decoder[Any]] = {}

    def stop(self, *, returning: bool = False) -> None:
        """Take no new requests, answer what is queued, leave. `returning`: the actor will be back."""
        self._stopping = True
        self._returning = returning
        self._wake.set()

    async def run(self, lifeline: Lifeline | None = None) -> None:
        """Run until stopped. What a handler raises, other than Refused, ends the actor: its supervisor starts it again.

        Raises:
            BaseExceptionGroup: what a handler or a background task raised.
        """
        try:
            await self._live(lifeline)
        except Exception:
            self._peer.close(returning=True)  # whoever asks meanwhile hears that it is being started again
            raise
        await self._leave()

    async def _live(self, lifeline: Lifeline | None) -> None:
        failed: Exception | None = None
        async with contextlib.AsyncExitStack() as stack:
            tasks = await stack.enter_async_context(anyio.create_task_group())
            try:
                self._actor = self._built(tasks)
            except Exception as error:  # raised below as it is: a task group would wrap it
                failed = error
            else:
                await self._serve_until_stopped(stack, lifeline)
        if failed is not None:
            raise failed

    def _built(self, tasks: anyio.abc.TaskGroup) -> Actor[InboxT]:
        peer = self._peer
        context = BusContext(
            peer=peer, tasks=tasks, alerts=Alerts(peer.name, peer.publish), metrics=Metrics()
        )
        if not isinstance(self._build, Actor):
            actor = self._build(context)
            if hasattr(actor, "peer"):
                return actor
        else:
            actor = self._build
        Actor.__init__(actor, context)
        return actor

    async def _serve_until_stopped(self, stack: contextlib.AsyncExitStack, lifeline: Lifeline | None) -> None:
        actor, peer = self._actor, self._peer
        heard = [event for event in actor.inbox if not issubclass(event, Request)]
        asked = [event for event in actor.inbox if issubclass(event, Request)]
        self._decoders = {topic_of(event): msgspec.msgpack.Decoder(event) for event in asked}
        if lifeline is not None:
            stack.enter_context(_answering(lifeline, self))
        if heard:
            subscription: Subscription[Any] = await stack.enter_async_context(peer.subscribe(*heard))
        of_itself = await stack.enter_async_context(peer.subscribe(MetricsWantedEvent, AlertChangedEvent))
        actor.tasks.start_soon(self._tell_of_itself, of_itself)
        await actor.prepare()
        if heard:
            actor.tasks.start_soon(self._hear, subscription)
        await peer.serve(asked, self._asked)
        if lifeline is not None:
            lifeline.send_ready()
        await self._serve()
        async with self._turn:
            await actor.close()
            actor.tasks.cancel_scope.cancel()

    # Requests and events wait in two queues, since an event may wait for as long as the feed keeps it, while
    # whoever asked waits for an answer. One lock lets one of both in at a time.

    async def _serve(self) -> None:
        while True:
            while self._requests:
                request = self._requests.popleft()
                if not request.is_cancelled:
                    async with self._turn:
                        await self._answer(request)
            if self._stopping:
                return
            self._wake.clear()
            await self._wake.wait()

    async def _hear(self, subscription: Subscription[Any]) -> None:
        async for event in subscription:
            async with self._turn:
                correlation.set(subscription.correlation)
                if isinstance(event, GapEvent):
                    await self._actor.missed(event)
                else:
                    await self._actor.handle(event)

    async def _tell_of_itself(self, events: Subscription[Any]) -> None:
        """Tell the metrics to whoever wants them, and take up the alerts of a former life."""
        actor, peer = self._actor, self._peer
        async for event in events:
            if isinstance(event, MetricsWantedEvent):
                samples = [*actor.metrics.samples(), *gaps_of(peer.statistics())]
                await peer.publish(
                    MetricsReportedEvent(reading=event.reading, actor=peer.name, samples=samples)
                )
            elif isinstance(event, AlertChangedEvent):
                await actor.alerts.recall(event.alert)

    @functools.cached_property
    def _turn(self) -> asyncio.Lock:
        return asyncio.Lock()

    def _asked(self, request: IncomingRequest) -> None:
        if self._stopping:
            request.fail(
                "restarting" if self._returning else "no_responder", f"{self._peer.name} is stopping"
            )
            return
        self._requests.append(request)
        self._wake.set()

    async def _answer(self, request: IncomingRequest) -> None:
        try:
            event = self._decoders[request.topic].decode(request.body)
        except UNREADABLE as error:
            request.fail("invalid", f"the request does not fit {request.topic}: {error}")
            return
        correlation.set(
            request.correlation or f"{request.source}:{request.id}"
        )  # whatever follows from it belongs to it
        asker.set(request.source)
        log.debug("asked %s by %s", request.topic, request.source)
        await self._conclude(request, self._actor.handle(event))

    async def _conclude(self, request: IncomingRequest, finding: Awaitable[Event | Later | None]) -> None:
        """Give a request its outcome."""
        try:
            reply = await finding
            await (
                self._peer.sent()
            )  # whoever has the answer can rely on the broker having what was published before it
        except Refused as refused:
            log.debug("refused %s: %s", request.topic, refused)
            request.fail("refused", str(refused))
        except asyncio.CancelledError:
            request.fail(
                "restarting" if self._returning else "died",
                f"{self._peer.name} stopped before it had the answer",
            )
            raise
        except BaseException as error:
            log.error("failed while it had %s by %s: %s", request.topic, request.source, type(error).__name__)
            request.fail("died", f"{self._peer.name} failed while it had the request: {type(error).__name__}")
            raise
        else:
            if isinstance(reply, Later):
                self._actor.tasks.start_soon(self._conclude, request, reply.work())
            elif reply is None:
                request.fail("refused", f"{self._peer.name} has no answer to {request.topic}")
            else:
                request.reply(reply)
                log.debug("answered %s", request.topic)

    async def _leave(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_SETTLE_SECONDS):
                await self._peer.settled()
        self._peer.close(returning=self._returning)


@contextlib.contextmanager
def _answering(lifeline: Lifeline, loop: ActorLoop[Any]) -> typing.Iterator[None]:
    """Answer the supervisor from the actor's own loop, so that a loop that hangs shows."""

    def read() -> None:
        try:
            for message in lifeline.receive():
                if message.ping is not None:
                    lifeline.send_pong(message.ping)
                if message.stop is not None:
                    loop.stop(returning=message.stop.returning)
        except LifelineClosed:
            leave_at_once()

    running = asyncio.get_running_loop()
    running.add_reader(lifeline.fileno(), read)
    running.call_soon(read)
    try:
        yield
    finally:
        running.remove_reader(lifeline.fileno())


def leave_at_once() -> None:
    """End this process without any farewell: its supervisor is gone, and what was acknowledged is on disk."""
    import os

    os._exit(70)


def _members(actor: str, declared: Any) -> tuple[type[Event], ...]:
    if isinstance(declared, TypeVar):
        return ()
    members = (
        typing.get_args(declared)
        if isinstance(declared, types.UnionType) or typing.get_origin(declared) is typing.Union
        else (declared,)
    )
    if not all(isinstance(member, type) and issubclass(member, Event) for member in members):
        raise InboxError(actor, repr(declared))
    return members
