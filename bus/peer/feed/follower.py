"""Asks, then follows: hands on a reply, then the events that it does not contain, as long as one listens."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from types import TracebackType
from typing import Final, Generic, TypeVar

from bus.errors import FailureKind, RequestFailed
from bus.peer.feed.epoch_succession import EpochSuccession
from bus.peer.feed.merge_order import MergeOrder, Place
from bus.peer.feed.subscription import TURN_LIMIT_EVENTS, Received, Subscription
from bus.wire import matches
from schemas.event import Event
from schemas.operations.bus import GapEvent, PeerJoinedEvent, PeerLeftEvent

PAUSES_SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1.0)
"""Pauses between attempts while nobody answers. The last one repeats."""

UNDECIDED: Final[frozenset[FailureKind]] = frozenset(
    {"no_responder", "restarting", "died", "deadline", "busy"}
)
"""No server has decided, so the request is sent again."""

COMPANY: Final = (PeerJoinedEvent, PeerLeftEvent)
"""What a follower hears besides, to know when its server is another one."""

ReplyT = TypeVar("ReplyT", bound=Event)
EventT = TypeVar("EventT", bound=Event)
Ask = Callable[[], Awaitable[tuple[ReplyT, Place]]]


class Follower(Generic[ReplyT, EventT]):
    """Replies and events of one server in their order. Made by `Peer.ask_then_follow`.

    A reply replaces everything before it; an event is merged. A gap is made up for by a fresh reply.

    Attributes:
        is_reply: whether what was handed out last is a reply.
        correlation: id of the matter that the last event belongs to; None for a reply.
    """

    def __init__(
        self,
        ask: Ask[ReplyT],
        events: Subscription[Event],
        wanted: Iterable[str],
        epochs: EpochSuccession,
        *,
        always: Iterable[str] = (),
        pauses: Iterable[float] | None = None,
    ) -> None:
        """Follow over a subscription that nobody else reads.

        Args:
            ask: sends the request once.
            events: hears the wanted patterns, and which peers come and go.
            wanted: patterns whose events are handed on.
            epochs: in which order the lives of the broker were seen.
            always: topics whose events are handed on even if the reply contains their effect.
            pauses: seconds between attempts while nobody answers; the last one repeats. None: up to a second.
        """
        self.is_reply = False
        self._ask = ask
        self._events = events
        self._wanted = list(wanted)
        self._always = frozenset(always)
        self._order = MergeOrder(epochs)
        self._pauses = list(PAUSES_SECONDS if pauses is None else pauses)
        self._generation = 0
        self._handed_on = self._answered = 0
        self._turn = 0
        self._changed = asyncio.Event()

    @property
    def correlation(self) -> str | None:
        """Id of the matter that the last event belongs to; None for a reply."""
        return None if self.is_reply else self._events.correlation

    async def __aenter__(self) -> Follower[ReplyT, EventT]:
        await self._events.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __aiter__(self) -> Follower[ReplyT, EventT]:
        return self

    async def __anext__(self) -> ReplyT | EventT:
        """The next reply or event.

        Raises:
            RequestFailed: the server refuses the request, or the reply cannot be read.
        """
        self._note_handled()
        self._turn += 1
        if self._turn >= TURN_LIMIT_EVENTS:
            self._turn = 0
            await asyncio.sleep(0)
        while True:
            if self._order.is_due:
                return await self._next_reply()
            received = self._events.received_now()
            if received is None:
                await self._events.wait()
            elif self._is_next(received):
                self.is_reply = False
                return received.event  # type: ignore[return-value]  # decoded to the wanted types

    def ask_again(self) -> None:
        """Have a fresh reply handed on next, because of something that no followed event says."""
        self._order.is_due = True
        self._generation += 1
        self._events.nudge()

    async def refreshed(self) -> None:
        """Ask again, and wait until the fresh reply was handed on and dealt with.

        It was dealt with when the next one is asked for. So another task has to iterate meanwhile.
        """
        self.ask_again()
        wanted = self._generation
        while self._answered < wanted and not self._events.is_closed:
            await self._changed.wait()

    def close(self) -> None:
        """Stop listening. The iterator ends."""
        self._events.close()
        self._changed.set()

    async def _next_reply(self) -> ReplyT:
        """Ask until there is an answer. Nothing of the feed is read meanwhile: it waits in its order."""
        attempt = 0
        while True:
            generation = self._generation
            self._order.ask(self._events.gaps_queued)
            try:
                reply, place = await self._ask()
            except BaseException as error:
                self._order.is_due = True  # also if the caller gives up: its next call asks again
                if not isinstance(error, RequestFailed) or error.kind not in UNDECIDED:
                    raise
            else:
                self._order.replied(place)
                self._handed_on = generation
                self.is_reply = True
                return reply
            if self._events.is_closed:
                raise StopAsyncIteration
            await asyncio.sleep(self._pauses[min(attempt, len(self._pauses) - 1)])
            attempt += 1

    def _is_next(self, received: Received) -> bool:
        """Whether this is handed on."""
        event, place = received.event, Place(received.epoch, received.sequence, received.source)
        if isinstance(event, GapEvent):
            if event.reason == "unreadable":
                self._order.unread(place)
            else:
                self._order.lost()
            return False
        if isinstance(event, COMPANY):
            self._order.moved(event.peer, place)
            if self._order.is_due:
                return False
        is_wanted = any(matches(pattern, received.topic) for pattern in self._wanted)
        return is_wanted and (received.topic in self._always or self._order.is_news(place))

    def _note_handled(self) -> None:
        if self._answered != self._handed_on:
            self._answered = self._handed_on
            self._changed.set()
            self._changed = asyncio.Event()
