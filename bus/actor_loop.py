"""Runs one actor over one peer: handles one thing at a time, answers every request, and stops cleanly."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final, Generic

import anyio
import anyio.abc
import msgspec

from bus.actor import Actor, BusContext, ContextMissing, InboxT, Later
from bus.client import GapEvent, IncomingRequest, Peer, asker, correlation, publisher
from bus.errors import Refused
from bus.lifeline import Lifeline, LifelineClosed
from bus.peer.feed.subscription import Subscription
from bus.telemetry.instruments import loss_samples
from bus.wire import UNREADABLE
from schemas.event import Event, Request, topic_of
from schemas.operations.alerts import AlertChangedEvent
from schemas.operations.metrics import MetricsReportedEvent, MetricsWantedEvent

log = logging.getLogger(__name__)
STOP_SETTLE_SECONDS: Final = 2.0
"""When an actor stops, it waits at most this long for the broker to accept its last events."""

ABANDONED_EXIT_CODE: Final = 70
"""Exit code of an actor whose supervisor is gone."""


class Pulse:
    """Whether the loop has turned since this was made, so that other tasks may have run."""

    def __init__(self) -> None:
        self.has_turned = False
        asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        self.has_turned = True


class ActorLoop(Generic[InboxT]):
    """Runs one actor over one peer until it is told to stop."""

    def __init__(self, build: Callable[[BusContext], Actor[InboxT]], peer: Peer) -> None:
        """Make a loop; `run` builds the actor.

        Args:
            build: makes the actor from its context, such as its class.
            peer: the connection of the actor; the loop closes it at the end.
        """
        self._build = build
        self._actor: Actor[InboxT]
        self._peer = peer
        self._requests: deque[IncomingRequest] = deque()
        self._is_stopping = False
        self._is_returning = False
        self._wake = asyncio.Event()
        self._is_ready = asyncio.Event()
        self._decoders: dict[str, msgspec.msgpack.Decoder[Any]] = {}

    async def wait_until_ready(self) -> None:
        """Wait until the actor has prepared itself and serves its requests."""
        await self._is_ready.wait()

    def stop(self, *, returning: bool = False) -> None:
        """Take no new requests, answer those that are queued, and leave.

        Args:
            returning: the actor will be started again; requests until then fail as `restarting`.
        """
        self._is_stopping = True
        self._is_returning = returning
        self._wake.set()

    async def run(self, lifeline: Lifeline | None = None) -> None:
        """Run until stopped. An exception of a handler other than Refused ends the actor.

        Args:
            lifeline: the connection to the supervisor, which is answered from this loop.

        Raises:
            BaseExceptionGroup: what a handler or a background task raised.
        """
        try:
            await self._live(lifeline)
        except Exception:
            self._peer.close(returning=True)  # the supervisor starts it again: requests fail as `restarting`
            raise
        await self._leave()

    async def _live(self, lifeline: Lifeline | None) -> None:
        failed: BaseException | None = None
        async with contextlib.AsyncExitStack() as stack:
            tasks = await stack.enter_async_context(anyio.create_task_group())
            try:
                self._actor = self._built(tasks)
            except (Exception, SystemExit) as error:  # raised below as it is: a task group would wrap it
                failed = error
            else:
                await self._serve_until_stopped(stack, lifeline)
        if failed is not None:
            raise failed

    def _built(self, tasks: anyio.abc.TaskGroup) -> Actor[InboxT]:
        actor = self._build(BusContext.over(self._peer, tasks))
        if not hasattr(actor, "peer"):
            raise ContextMissing(type(actor).__name__)
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
        common = await stack.enter_async_context(peer.subscribe(MetricsWantedEvent, AlertChangedEvent))
        actor.tasks.start_soon(self._report, common)
        async with actor.turn:
            await actor.prepare()
        if heard:
            actor.tasks.start_soon(self._hear, subscription)
        await peer.serve(asked, self._asked)
        if lifeline is not None:
            lifeline.send_ready()
        self._is_ready.set()
        await self._serve()
        async with actor.turn:
            await actor.close()
            await actor.answered()
            actor.tasks.cancel_scope.cancel()

    # Requests and events wait in two queues: an event may wait as long as the feed keeps it, but a peer waits
    # for the answer to its request. One lock admits one of both at a time.

    async def _serve(self) -> None:
        while True:
            while self._requests:
                request = self._requests.popleft()
                if not request.is_cancelled:
                    async with self._actor.turn:
                        await self._answer(request)
            if self._is_stopping:
                return
            self._wake.clear()
            await self._wake.wait()

    async def _hear(self, subscription: Subscription[Any]) -> None:
        async for event in subscription:
            async with self._actor.turn:
                correlation.set(subscription.correlation)
                publisher.set(subscription.publisher)
                await self._react(event)

    async def _react(self, event: Any) -> None:
        """Let the actor react to one event, or to a gap in them."""
        if isinstance(event, GapEvent):
            await self._actor.missed(event)
        else:
            await self._actor.handle(event)

    async def _report(self, events: Subscription[Any]) -> None:
        """Publish the metrics when they are wanted, and take up the alerts of the actor's last life."""
        actor, peer = self._actor, self._peer
        async for event in events:
            if isinstance(event, MetricsWantedEvent):
                samples = [*actor.metrics.samples(), *loss_samples(peer.statistics())]
                await peer.publish(
                    MetricsReportedEvent(reading=event.reading, actor=peer.name, samples=samples)
                )
            elif isinstance(event, AlertChangedEvent) and event.is_own:
                await actor.alerts.recall(event.alert)

    def _asked(self, request: IncomingRequest) -> None:
        if self._is_stopping:
            request.fail(
                "restarting" if self._is_returning else "no_responder", f"{self._peer.name} is stopping"
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
        )  # for all that follows from it
        asker.set(request.source)
        log.debug("asked %s by %s", request.topic, request.source)
        await self._conclude(request, self._actor.handle(event), self._peer.last_serial)

    async def _conclude(
        self,
        request: IncomingRequest,
        finding: Awaitable[Event | Later | None],
        began_at: int,
        *,
        is_later: bool = False,
    ) -> None:
        """Give a request its outcome.

        Args:
            request: what is asked.
            finding: finds the reply.
            began_at: the newest message that was published when the handler began. A reply that took turns of
                the loop says no more than what was published by then: it may be older than what came later.
            is_later: `handle` promised the reply, and may have read before what it is made of.
        """
        as_of = began_at
        try:
            pulse = Pulse()
            reply = await finding
            if not (is_later or pulse.has_turned):
                as_of = self._peer.last_serial
            await self._peer.sent()  # the broker has what was published before the answer
        except Refused as refused:
            log.debug("refused %s: %s", request.topic, refused)
            request.fail("refused", str(refused))
        except asyncio.CancelledError:
            request.fail(
                "restarting" if self._is_returning else "died",
                f"{self._peer.name} stopped before it had the answer",
            )
            raise
        except BaseException as error:
            log.error("failed while it had %s by %s: %s", request.topic, request.source, type(error).__name__)
            request.fail("died", f"{self._peer.name} failed while it had the request: {type(error).__name__}")
            raise
        else:
            if isinstance(reply, Later):
                if reply.pending is not None:
                    reply.pending.begin()
                self._actor.tasks.start_soon(self._conclude_later, request, reply, began_at)
            elif reply is None:
                request.fail("refused", f"{self._peer.name} has no answer to {request.topic}")
            else:
                request.reply(reply, as_of=as_of)
                log.debug("answered %s", request.topic)

    async def _conclude_later(self, request: IncomingRequest, later: Later, began_at: int) -> None:
        try:
            await self._conclude(request, later.work(), began_at, is_later=True)
        finally:
            if later.pending is not None:
                later.pending.end()

    async def _leave(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_SETTLE_SECONDS):
                await self._peer.settled()
        self._peer.close(returning=self._is_returning)


@contextlib.contextmanager
def _answering(lifeline: Lifeline, loop: ActorLoop[Any]) -> Iterator[None]:
    """Answer the supervisor from the actor's own event loop, so that the supervisor sees when it hangs."""

    def read() -> None:
        try:
            for message in lifeline.receive():
                if message.ping is not None:
                    lifeline.send_pong(message.ping)
                if message.stop is not None:
                    loop.stop(returning=message.stop.returning)
        except LifelineClosed:
            _exit_at_once()

    running = asyncio.get_running_loop()
    running.add_reader(lifeline.fileno(), read)
    running.call_soon(read)
    try:
        yield
    finally:
        running.remove_reader(lifeline.fileno())


def _exit_at_once() -> None:
    """End this process: its supervisor is gone, and what it acknowledged is on disk."""
    os._exit(ABANDONED_EXIT_CODE)
