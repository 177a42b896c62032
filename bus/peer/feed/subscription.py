"""What one subscriber hears: an async iterator over events, with retained ones first and gaps reported."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from types import TracebackType
from typing import Final, Generic, Protocol, TypeVar

import msgspec

from bus.errors import UndercroftError
from bus.peer.feed.ordering import Deliver, Lost
from bus.peer.feed.topic_decoders import TopicDecoders
from bus.wire import Run, matches
from schemas.event import Event, topic_of
from schemas.operations.bus import GapEvent

QUEUE_LIMIT_EVENTS: Final = 16_384
QUEUE_LIMIT_BYTES: Final = 64 * 1024 * 1024
"""A subscriber that is further behind pauses the feed of its peer until it has caught up by half."""

HEARD_EVERY_EVENTS: Final = 8192
"""After so many events of a topic the broker hears how far this subscriber has come."""

TURN_LIMIT_EVENTS: Final = 1024
"""After this many events without a pause, the subscriber yields to the loop."""

EventT = TypeVar("EventT", bound=Event, covariant=True)


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """An event with its place in the order, for tools that watch the bus.

    Attributes:
        event: the event; a dict, where the contract does not know the topic.
        epoch: the life of the broker that ordered it.
        sequence, number: place in the one order, and within the topic.
        time_ns: when the broker accepted it, nanoseconds since the Unix epoch.
        source: name of the peer that published it.
        correlation: id of the matter that it belongs to.
        retained: it was there before this subscriber came.
    """

    topic: str
    event: object
    epoch: str
    sequence: int
    number: int
    time_ns: int
    source: str
    correlation: str | None
    retained: bool

    @classmethod
    def of_run(cls, topic: str, run: Run, offset: int, event: object, *, retained: bool = False) -> Received:
        """The event at this offset of a run, counted from 0."""
        return cls(
            topic=topic,
            event=event,
            epoch=run.epoch,
            sequence=run.sequence + offset,
            number=run.number + offset,
            time_ns=run.time_ns,
            source=run.source,
            correlation=run.correlation,
            retained=retained,
        )


class SubscriptionSource(Protocol):
    """What a subscription needs of its peer."""

    async def join(self, subscription: Subscription[Event]) -> None:
        """Start to deliver. Returns once the retained events are queued."""
        ...

    def leave(self, subscription: Subscription[Event]) -> None:
        """Stop delivering."""
        ...

    def caught_up(self) -> None:
        """A subscriber that was far behind has caught up."""
        ...

    def heard(self, topic: str) -> None:
        """A subscriber has come further in a topic, as its `heard` says."""
        ...


class Subscription(Generic[EventT]):
    """Events of some types or patterns, in order. Made by `Peer.subscribe`.

    Attributes:
        patterns: exact topics, `conversation.*` or `*`.
        correlation: correlation id of the last event that was handed out.
        undecodable: how many events could not be read. A `GapEvent` stands for each.
        gaps_queued: how many losses were queued for it so far, handed on already or still waiting.
        heard: number of the event by topic up to which it has handed on, as it was last told to the broker.
    """

    def __init__(
        self,
        source: SubscriptionSource,
        patterns: Iterable[str],
        decoders: TopicDecoders,
    ) -> None:
        self.patterns = list(dict.fromkeys(patterns))
        self.correlation: str | None = None
        self.undecodable = 0
        self._source = source
        self._decoders = decoders
        self.gaps_queued = 0
        self.heard: dict[str, int] = {}
        self._queue: deque[tuple[str, Run | None, bytes | GapEvent, int, bool]] = deque()
        self._queued_events = self._queued_bytes = 0
        self._early: list[Deliver | Lost] | None = []
        self._joined_at, self._joined_epoch = 0, ""
        self._events: list[Event] = []
        self._position = 0
        self._current: tuple[str, Run, bool] | None = None
        self._turn = 0
        self._waiter: asyncio.Future[None] | None = None
        self._closed = False
        self._error: UndercroftError | None = None

    async def __aenter__(self) -> Subscription[EventT]:
        await self._source.join(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __aiter__(self) -> Subscription[EventT]:
        return self

    async def __anext__(self) -> EventT:
        while True:
            position = self._position
            if position < len(self._events):
                self._turn += 1
                if self._turn >= TURN_LIMIT_EVENTS:
                    self._turn = 0
                    await asyncio.sleep(0)  # before the event is taken: who gives up waiting loses none
                    continue
                self._position = position + 1
                return self._events[position]  # type: ignore[return-value]  # decoded to the subscribed types
            if not self._load():
                await self.wait()

    async def received(self) -> Received:
        """The next event with its place in the order. Gaps come as events too."""
        return self._received(await self.__anext__())

    def received_now(self) -> Received | None:
        """As `received`, if there is one already."""
        while self._position >= len(self._events):
            if not self._load():
                return None
        self._position += 1
        return self._received(self._events[self._position - 1])

    def _received(self, event: object) -> Received:
        if self._current is None:
            return Received(
                topic=topic_of(GapEvent),
                event=event,
                epoch="",
                sequence=0,
                number=0,
                time_ns=0,
                source="",
                correlation=None,
                retained=False,
            )
        topic, run, retained = self._current
        offset = self._position - 1 + (run.count - len(self._events))
        return Received.of_run(topic, run, offset, event, retained=retained)

    def close(self, error: UndercroftError | None = None) -> None:
        """Stop listening. Once the queue is empty the iterator ends, or raises this error."""
        if not self._closed:
            self._closed = True
            self._error = error
            self._source.leave(self)
            self._wake()

    async def wait(self) -> None:
        """Wait until something is queued, or `nudge` is called.

        Raises:
            StopAsyncIteration: this subscription was closed.
            UndercroftError: this peer was displaced.
        """
        if self._queue:
            return
        if self._error is not None:
            raise self._error
        if self._closed:
            raise StopAsyncIteration
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def nudge(self) -> None:
        """End a `wait`."""
        self._wake()

    @property
    def publisher(self) -> str:
        """Name of the peer that published the last event that was handed out; empty for a gap."""
        return self._current[1].source if self._current is not None else ""

    @property
    def is_closed(self) -> bool:
        """Whether it hears nothing more. What is queued can still be read."""
        return self._closed

    @property
    def is_behind(self) -> bool:
        """Whether the queue is as long as it may be."""
        return self._queued_events >= QUEUE_LIMIT_EVENTS or self._queued_bytes >= QUEUE_LIMIT_BYTES

    def wants(self, topic: str) -> bool:
        """Whether the topic falls under one of the patterns."""
        return any(matches(pattern, topic) for pattern in self.patterns)

    # -- called by the peer

    def begin(self, retained: list[Deliver], sequence: int, epoch: str) -> None:
        """The snapshot is there: queue its events, then what followed it."""
        for found in retained:
            self._put(found.topic, found.run, found.body, found.skip, retained=True)
        self._joined_at, self._joined_epoch = sequence, epoch
        early, self._early = self._early, None
        for step in early or []:
            self._queued_bytes -= len(step.body) if isinstance(step, Deliver) else 0
            self.take(step)

    def take(self, step: Deliver | Lost) -> None:
        """Queue what the ordering hands on."""
        if self._early is not None:
            self._early.append(step)
            self._queued_bytes += len(step.body) if isinstance(step, Deliver) else 0
        elif isinstance(step, Deliver):
            if step.run.sequence <= self._joined_at and step.run.epoch == self._joined_epoch:
                return  # meant for another subscription of this peer; here the snapshot covers it
            self._put(step.topic, step.run, step.body, step.skip, retained=False)
        else:
            self.gaps_queued += 1
            reason = "ring_exceeded" if step.beyond_ring else "broker_restarted"
            gap = GapEvent(lost_topic=step.topic, count=step.count, reason=reason)  # type: ignore[arg-type]  # both are allowed
            self._queue.append((step.topic, None, gap, 0, False))
            self._wake()

    def _put(self, topic: str, run: Run, body: bytes, skip: int, *, retained: bool) -> None:
        self._queue.append((topic, run, body, skip, retained))
        self._queued_events += run.count
        self._queued_bytes += len(body)
        if topic not in self.heard:
            self.heard[topic] = run.number - 1
        self._wake()

    def _load(self) -> bool:
        """Decode the next run of the queue. Returns whether there was one."""
        if not self._queue:
            return False
        topic, run, body, skip, retained = self._queue.popleft()
        self._position = 0
        if run is None or isinstance(body, GapEvent):
            self._current, self.correlation = None, None
            self._events = [body] if isinstance(body, GapEvent) else []
            return True
        was_behind = self.is_behind
        self._queued_events -= run.count
        self._queued_bytes -= len(body)
        if not 0 < run.number - self.heard[topic] <= HEARD_EVERY_EVENTS:
            self._note_heard(topic, run)
        is_short = self._queued_events < QUEUE_LIMIT_EVENTS // 2
        if was_behind or (is_short and self._queued_bytes < QUEUE_LIMIT_BYTES // 2):
            self._source.caught_up()
        self._events, is_readable = self._decoders.read(topic, body, run.count, skip)
        if not is_readable:
            self._tell_unreadable(topic)
        self._current, self.correlation = (topic, run, retained), run.correlation
        return True

    def _tell_unreadable(self, topic: str) -> None:
        for index, event in enumerate(self._events):
            if event is None:
                self.undecodable += 1
                self._events[index] = GapEvent(lost_topic=topic, count=1, reason="unreadable")

    def _note_heard(self, topic: str, run: Run) -> None:
        """Everything before this run was handed on. Say so from time to time."""
        is_first_of_epoch = run.number <= self.heard[topic]
        self.heard[topic] = run.number - 1
        if not is_first_of_epoch:
            self._source.heard(topic)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
