"""The base class of every actor, and what its constructor gets of the bus. `bus.actor_loop` runs it."""

from __future__ import annotations

import asyncio
import logging
import types
import typing
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Generic, TypeVar

import anyio.abc

from bus.client import REQUEST_TIMEOUT_SECONDS, GapEvent, Peer, correlation
from bus.errors import RequestFailed, UndercroftError
from bus.peer.feed.follower import Follower
from bus.telemetry.alert_book import Alerts
from bus.telemetry.instruments import Metrics
from schemas.event import Event, ReplyT, Request

log = logging.getLogger(__name__)
REFUSED_PAUSE_SECONDS: Final = 5.0
"""A state that another actor refuses to tell is requested again after this pause."""

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


class ContextMissing(UndercroftError):
    """The constructor of an actor does not hand its context on.

    Attributes:
        actor: name of the class.
    """

    actor: str
    words = "{actor}: its constructor has to call super().__init__(context)"


class FollowedTwice(UndercroftError):
    """An actor follows an event that its inbox brings as well, so nothing could keep the two in order.

    Attributes:
        actor: name of the class.
        event: name of the event's class.
    """

    actor: str
    event: str
    words = "{actor}: it follows {event}, which its inbox names, too; expected it in one of the two"


class PendingAnswers:
    """Counts the answers that are still being worked on, and waits until there are none."""

    def __init__(self) -> None:
        self._count = 0
        self._is_zero = asyncio.Event()
        self._is_zero.set()

    def __len__(self) -> int:
        return self._count

    def begin(self) -> None:
        """One more answer is being worked on."""
        self._count += 1
        self._is_zero.clear()

    def end(self) -> None:
        """One of them was given, or failed."""
        self._count -= 1
        if not self._count:
            self._is_zero.set()

    async def wait_until_none(self) -> None:
        """Wait until every answer was given."""
        await self._is_zero.wait()


@dataclass(frozen=True, slots=True)
class Later:
    """Returned by a handler in place of a reply that takes long. The inbox goes on meanwhile.

    `Later(work)` is abandoned when the actor stops: the request then fails with `restarting` or `died`.
    `Actor.answer_later(work)` makes one that the actor finishes before it stops.

    Attributes:
        work: finds the reply; called without arguments, in a task of its own.
        pending: where the answer is counted until it was given; None: the actor stops without it.
    """

    work: Callable[[], Awaitable[Event]]
    pending: PendingAnswers | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class BusContext:
    """What an actor has of the bus, from the first line of its constructor.

    Attributes:
        peer: its connection to the bus.
        tasks: runs work beside the inbox; if a task fails, the actor fails.
        alerts: shows people what is wrong until it is cleared.
        metrics: what the actor counts and measures.
    """

    peer: Peer
    tasks: anyio.abc.TaskGroup
    alerts: Alerts
    metrics: Metrics

    @classmethod
    def over(cls, peer: Peer, tasks: anyio.abc.TaskGroup) -> BusContext:
        """The context of an actor with this connection, without alerts or metrics yet."""
        return BusContext(peer=peer, tasks=tasks, alerts=Alerts(peer.name, peer.publish), metrics=Metrics())


class Actor(Generic[InboxT]):
    """Serves the requests and hears the events that its declared inbox names.

    `class ModelVerifier(Actor[Inbox])` with `Inbox = AskRequestEvent | HappenedEvent` is the whole
    registration.

    Attributes:
        peer, tasks, alerts, metrics: as in the context.
        turn: held while one event, request or followed update is handled.
    """

    inbox: ClassVar[tuple[type[Event], ...]] = ()

    peer: Peer
    tasks: anyio.abc.TaskGroup
    alerts: Alerts
    metrics: Metrics

    def __init__(self, context: BusContext) -> None:
        self.peer = context.peer
        self.tasks = context.tasks
        self.alerts = context.alerts
        self.metrics = context.metrics
        self.turn = asyncio.Lock()
        self._pending_answers = PendingAnswers()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for base in getattr(cls, "__orig_bases__", ()):
            if typing.get_origin(base) is Actor:
                cls.inbox = _members(cls.__name__, typing.get_args(base)[0])

    async def prepare(self) -> None:
        """Get ready to serve. Runs before the first event, and before the actor counts as ready.

        What `follow` brings waits until this has returned.
        """

    async def handle(self, event: InboxT) -> Event | Later | None:
        """React to one event, or answer one request with its reply. Never runs twice at once.

        A reply that takes long is returned as `self.answer_later(work)` or `Later(work)`. The name of the
        peer that asks is in `bus.client.asker`, in the handler and in such work.

        Raises:
            Refused: the request is understood and the answer is no.
        """
        raise NotImplementedError

    async def missed(self, gap: GapEvent) -> None:
        """React to events of the inbox that were lost for good. Does nothing by default."""

    async def close(self) -> None:
        """Let go of files and threads. Runs after the last queued request was handled.

        Answers from `answer_later` may still be under way here. The loop waits for them after `close`. A
        `close` that lets go of something they need waits for them itself, at the right place:

            async def close(self) -> None:
                await self._commits.flush()  # the answers wait for this
                await self.answered()
                self._file.close()  # the answers needed this

        Then the tasks of the actor are cancelled, and with them every plain `Later`.
        """

    def answer_later(self, work: Callable[[], Awaitable[Event]]) -> Later:
        """Let `work` find the reply beside the inbox. The actor stops only once the reply was given."""
        return Later(work, self._pending_answers)

    async def follow(
        self,
        request: Request[ReplyT],
        *what: type[Event],
        into: Callable[[Any], Awaitable[None]],
        always: Sequence[type[Event]] = (),
        timeout_seconds: float = REQUEST_TIMEOUT_SECONDS,
    ) -> Follower[ReplyT, Any]:
        """Ask another actor for a state, and follow it from there on, beside the inbox.

        The only way to merge a reply with events: they travel apart, so a reply may be older than an event
        that the inbox brought already. Here replies and events come in their order, as from
        `Peer.ask_then_follow`, one at a time and never while `handle` runs.

        Args:
            request: asks for the state; it has to change nothing.
            what: the events that change it. The inbox must not name them.
            into: takes each reply, which replaces everything, and each event, which is merged.
            always: further events, which are handed on even if the reply contains them: for what is counted.
            timeout_seconds: how long the other actor has.

        Returns:
            The follower, which you do not iterate over. Its `ask_again` brings a fresh reply. `refreshed`
            waits until that was taken as well, so it must not be awaited in `handle`.

        Raises:
            FollowedTwice: the inbox names one of these events.
        """
        for event in (*what, *always):
            if event in self.inbox:
                raise FollowedTwice(type(self).__name__, event.__name__)
        updates = self.peer.ask_then_follow(request, *what, always=always, timeout_seconds=timeout_seconds)
        await updates.__aenter__()
        self.tasks.start_soon(self._keep_following, updates, into)
        return updates

    async def _keep_following(
        self, updates: Follower[Any, Any], into: Callable[[Any], Awaitable[None]]
    ) -> None:
        try:
            while True:
                try:
                    async for update in updates:
                        async with self.turn:
                            correlation.set(updates.correlation)
                            await into(update)
                    return
                except RequestFailed as failed:
                    log.warning("it cannot be followed now: %s", failed)
                    await asyncio.sleep(REFUSED_PAUSE_SECONDS)
        finally:
            updates.close()

    async def answered(self) -> None:
        """Wait until every reply that `answer_later` promised was given."""
        await self._pending_answers.wait_until_none()


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
