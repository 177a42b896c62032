"""The listening half of a peer: puts the feed in order and fetches what is missing, for all subscriptions."""

from __future__ import annotations

import asyncio
import functools
from collections import Counter
from collections.abc import Sequence
from typing import Final

import msgspec

from bus import wire
from bus.errors import HelloRefused, ProtocolError, RequestFailed
from bus.peer.feed.epoch_succession import EpochSuccession
from bus.peer.feed.ordering import Deliver, Fetch, Lost, Ordering, OrderingStep
from bus.peer.feed.subscription import Subscription
from bus.peer.feed.topic_decoders import TopicDecoders
from bus.peer.lane.admission import Admission
from bus.peer.lane.requester import Answer, Requester
from bus.transport.transport import Transport
from bus.wire import Run
from schemas.event import Event

SNAPSHOT_TOPIC: Final = "snapshot"
ROUTE_LIMIT_TOPICS: Final = 4096
"""For at most this many topics the subscriptions that want them are remembered."""


class Subscriber:
    """All subscriptions of one peer.

    Attributes:
        epochs: in which order the lives of the broker were seen.
        ordering: decides what is delivered, fetched and reported as lost.
        decoders: decoders of events by topic, shared by the subscriptions.
        ignored: reason to count, for feed messages that made no sense.
    """

    def __init__(
        self,
        transport: Transport,
        requester: Requester,
        admission: Admission,
        epochs: EpochSuccession | None = None,
    ) -> None:
        self.epochs = epochs or EpochSuccession()
        self.ordering = Ordering(self.epochs)
        self.decoders = TopicDecoders()
        self.ignored: Counter[str] = Counter()
        self._transport = transport
        self._requester = requester
        self._admission = admission
        self._subscriptions: list[Subscription[Event]] = []
        self._routes: dict[str, list[Subscription[Event]]] = {}
        self._prefixes: Counter[bytes] = Counter()
        self._lane_epoch = ""
        self._are_heads_due = False
        self._is_paused = False
        self._is_closed = False

    @property
    def undecodable(self) -> int:
        """How many events did not fit their type."""
        return sum(subscription.undecodable for subscription in self._subscriptions)

    async def join(self, subscription: Subscription[Event]) -> None:
        """Deliver to this subscription. Returns once its retained events are queued.

        Raises:
            RequestFailed: the broker refused the snapshot.
        """
        self._subscriptions.append(subscription)
        self._routes.clear()
        for pattern in subscription.patterns:
            prefix = wire.feed_prefix(pattern)
            self._prefixes[prefix] += 1
            if self._prefixes[prefix] == 1:
                self._transport.subscribe(prefix)
        self.ordering.expect(subscription.patterns)
        try:
            snapshot, found = await self._snapshot(subscription.patterns)
        except BaseException:
            self.ordering.join(subscription.patterns, self.ordering.epoch, {})
            subscription.close()
            raise
        subscription.begin(found, snapshot.sequence, snapshot.epoch)
        retained = [(step.topic, step.run) for step in found]
        self._apply(self.ordering.join(subscription.patterns, snapshot.epoch, snapshot.heads, retained))

    def leave(self, subscription: Subscription[Event]) -> None:
        """Stop delivering to this subscription."""
        if subscription not in self._subscriptions:
            return
        self._subscriptions.remove(subscription)
        self._routes.clear()
        self.ordering.leave(subscription.patterns)
        for pattern in subscription.patterns:
            prefix = wire.feed_prefix(pattern)
            self._prefixes[prefix] -= 1
            if self._prefixes[prefix] == 0 and not self._is_closed:
                self._transport.unsubscribe(prefix)
        self.caught_up()

    def move(self, transport: Transport) -> None:
        """Listen on another transport from now on. The topics continue as after a new epoch."""
        self._transport = transport
        self._is_paused = False
        for prefix, count in self._prefixes.items():
            if count:
                transport.subscribe(prefix)

    def caught_up(self) -> None:
        """A subscription has room again."""
        if (
            self._is_paused
            and not self._is_closed
            and not any(subscription.is_behind for subscription in self._subscriptions)
        ):
            self._is_paused = False
            self._transport.resume_feed()

    def heard(self, topic: str) -> None:
        """Tell the broker how far the slowest subscription has come in a topic."""
        numbers = [
            subscription.heard[topic] for subscription in self._wanting(topic) if topic in subscription.heard
        ]
        if self._lane_epoch == self.ordering.epoch:
            self._requester.tell(wire.HeardHeader(topic, min(numbers)))

    def close(self, refusal: HelloRefused | None = None) -> None:
        """End all subscriptions; with a refusal, it is raised where they are read."""
        self._is_closed = True
        for subscription in list(self._subscriptions):
            subscription.close(refusal)

    # -- what the transport brings

    def feed(self, frames: Sequence[bytes]) -> bool:
        """Take a feed message. Returns False to pause the feed until a subscription has caught up."""
        try:
            if len(frames) != 3:
                raise ProtocolError("truncated", f"a feed message has {len(frames)} frames; expected 3")
            topic, header, body = frames
            if topic == wire.HEARTBEAT_TOPIC:
                heartbeat, heads = wire.read_heartbeat(header, body)
                self._apply(self.ordering.heartbeat(heartbeat.epoch, heads))
            else:
                self._apply(self.ordering.receive(topic.decode(), wire.read_run(header), body))
        except (ProtocolError, UnicodeDecodeError) as error:
            self.ignored[error.reason if isinstance(error, ProtocolError) else "malformed"] += 1
        return not self._is_paused

    def feed_welcomed(self) -> None:
        """The feed has a new connection: compare the newest numbers of all topics at once."""
        self._are_heads_due = True
        self._ask_heads()

    def lane_welcomed(self, epoch: str) -> None:
        """A broker of this epoch admitted the peer. Questions from before get no answer."""
        self._lane_epoch = epoch
        self.epochs.note(epoch)
        self.ordering.forget_fetches()
        self._ask_heads()

    def _ask_heads(self) -> None:
        if self._are_heads_due and self._lane_epoch and self._subscriptions:
            patterns = sorted(
                {pattern for subscription in self._subscriptions for pattern in subscription.patterns}
            )[: wire.PATTERN_LIMIT]
            self._requester.begin(lambda id: wire.SnapshotHeader(id, patterns, True), self._compare_heads)

    # -- what the ordering wants

    def _apply(self, steps: list[OrderingStep]) -> None:
        for step in steps:
            if isinstance(step, Fetch):
                self._fetch(step)
                continue
            for subscription in self._wanting(step.topic):
                subscription.take(step)
                self._is_paused = self._is_paused or subscription.is_behind
            if isinstance(step, Lost) and step.beyond_ring:
                self._ask_retained(step.topic, 0)

    def _wanting(self, topic: str) -> list[Subscription[Event]]:
        """The subscriptions that want this topic."""
        wanting = self._routes.get(topic)
        if wanting is None:
            wanting = [subscription for subscription in self._subscriptions if subscription.wants(topic)]
            if len(self._routes) < ROUTE_LIMIT_TOPICS:
                self._routes[topic] = wanting
        return wanting

    def _fetch(self, step: Fetch) -> None:
        if self._lane_epoch != self.ordering.epoch:
            self.ordering.forget_fetches()  # lane and feed have different brokers; a heartbeat asks again
            return
        epoch = self.ordering.epoch
        self._requester.begin(
            lambda id: wire.ReplayHeader(id, step.topic, step.first, step.last),
            lambda answer, body: self._take_replay(epoch, answer, body),
        )

    def _take_replay(self, epoch: str, answer: Answer, body: list[bytes]) -> None:
        if epoch != self.ordering.epoch:
            return  # its numbers are those of a former broker
        if not isinstance(answer, wire.ReplayedHeader):
            self.ordering.forget_fetches()
            return
        if answer.epoch != epoch:
            return  # the broker was restarted in between
        runs = [(run, events) for _, run, events in _feed_messages(body)]
        self._apply(self.ordering.replayed(answer.topic, answer.lost, answer.next, runs))

    def _ask_retained(self, topic: str, after: int) -> None:
        """After a loss, retained events show the present state. They come in pages."""

        def take(answer: Answer, body: list[bytes]) -> None:
            if not isinstance(answer, wire.SnapshottedHeader) or answer.epoch != self.ordering.epoch:
                return
            for _, run, events in _feed_messages(body):
                self._apply(self.ordering.retained(topic, run, events))
            if answer.next:
                self._ask_retained(topic, answer.next)

        self._requester.begin(lambda id: wire.SnapshotHeader(id, [topic], False, after), take)

    def _compare_heads(self, answer: Answer, body: list[bytes]) -> None:
        if isinstance(answer, wire.SnapshottedHeader):
            self._are_heads_due = False
            # In the next turn, so that a subscription whose snapshot came just before joins first.
            asyncio.get_running_loop().call_soon(
                lambda: self._apply(self.ordering.heads(answer.epoch, answer.heads))
            )

    async def _snapshot(self, patterns: list[str]) -> tuple[wire.SnapshottedHeader, list[Deliver]]:
        """All pages of a snapshot. If the broker is another one in between, it begins anew."""
        first: wire.SnapshottedHeader | None = None
        found: list[Deliver] = []
        while True:
            await self._admission.wait()
            answer, body = await self._page(patterns, first.next if first else 0)
            if isinstance(answer, wire.FailedHeader) and answer.kind != "died":
                raise RequestFailed(answer.kind, answer.message, SNAPSHOT_TOPIC)
            if not isinstance(answer, wire.SnapshottedHeader) or (first and answer.epoch != first.epoch):
                first, found = None, []
                continue
            first = msgspec.structs.replace(first, next=answer.next) if first else answer
            found += [
                Deliver(topic, run, events, run.count - 1)
                for topic, run, events in _feed_messages(body)
                if run.sequence + run.count - 1 <= first.sequence  # later ones come by feed
            ]
            if not answer.next:
                return first, found

    async def _page(self, patterns: list[str], after: int) -> tuple[Answer, list[bytes]]:
        outcome: asyncio.Future[tuple[Answer, list[bytes]]] = asyncio.get_running_loop().create_future()
        self._requester.begin(
            lambda id: wire.SnapshotHeader(id, patterns, False, after),
            functools.partial(_resolve_answer, outcome),
        )
        return await outcome


def _resolve_answer(
    outcome: asyncio.Future[tuple[Answer, list[bytes]]], answer: Answer, body: list[bytes]
) -> None:
    if not outcome.done():
        outcome.set_result((answer, body))


def _feed_messages(body: list[bytes]) -> list[tuple[str, Run, bytes]]:
    """The feed messages in these body frames, three frames each."""
    return [(body[i].decode(), wire.read_run(body[i + 1]), body[i + 2]) for i in range(0, len(body) - 2, 3)]
