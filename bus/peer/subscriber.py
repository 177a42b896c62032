"""The hearing half of a peer: carries out what the reception decides, for all subscriptions of this peer together."""

from __future__ import annotations

import asyncio
import functools
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from bus import wire
from bus.errors import ProtocolError, RequestFailed
from bus.peer.ordering import Deliver, Fetch, Lost, Reception, Step
from bus.peer.requester import Answer, Asking
from bus.peer.subscription import Decoders, Subscription
from bus.transport.transport import Link
from bus.wire import Run
from schemas.event import Event

SNAPSHOT_TOPIC: Final = "snapshot"
AUDIENCE_LIMIT_TOPICS: Final = 4096


class Hearing:
    """Subscriptions of one peer."""

    def __init__(
        self, link: Link, asking: Asking, wait_until_welcome: Callable[[], asyncio.Future[None]]
    ) -> None:
        self.reception = Reception()
        self.decoders = Decoders()
        self.ignored: Counter[str] = Counter()
        self._link = link
        self._asking = asking
        self._wait_until_welcome = wait_until_welcome
        self._subscriptions: list[Subscription[Event]] = []
        self._audiences: dict[str, list[Subscription[Event]]] = {}
        self._prefixes: Counter[bytes] = Counter()
        self._lane_epoch = ""
        self._are_heads_due = False
        self._is_paused = False
        self._is_closed = False

    @property
    def undecodable(self) -> int:
        """Events that did not fit their type."""
        return sum(subscription.undecodable for subscription in self._subscriptions)

    async def join(self, subscription: Subscription[Event]) -> None:
        """Deliver to this subscription; returns once its retained events are queued.

        Raises:
            RequestFailed: the broker refused the snapshot.
        """
        self._subscriptions.append(subscription)
        self._audiences.clear()
        for pattern in subscription.patterns:
            prefix = wire.feed_prefix(pattern)
            self._prefixes[prefix] += 1
            if self._prefixes[prefix] == 1:
                self._link.subscribe(prefix)
        self.reception.expect(subscription.patterns)
        try:
            snapshot, found = await self._snapshot(subscription.patterns)
        except BaseException:
            self.reception.join(subscription.patterns, self.reception.epoch, {})
            subscription.close()
            raise
        subscription.begin(found, snapshot.sequence, snapshot.epoch)
        retained = [(step.topic, step.run) for step in found]
        self._carry_out(self.reception.join(subscription.patterns, snapshot.epoch, snapshot.heads, retained))

    def leave(self, subscription: Subscription[Event]) -> None:
        """Deliver to this subscription no more."""
        if subscription not in self._subscriptions:
            return
        self._subscriptions.remove(subscription)
        self._audiences.clear()
        self.reception.leave(subscription.patterns)
        for pattern in subscription.patterns:
            prefix = wire.feed_prefix(pattern)
            self._prefixes[prefix] -= 1
            if self._prefixes[prefix] == 0 and not self._is_closed:
                self._link.unsubscribe(prefix)
        self.caught_up()

    def move(self, link: Link) -> None:
        """Hear over another link from now on; the topics go on as after a new epoch."""
        self._link = link
        self._is_paused = False
        for prefix, count in self._prefixes.items():
            if count:
                link.subscribe(prefix)

    def caught_up(self) -> None:
        """A subscription has room again."""
        if (
            self._is_paused
            and not self._is_closed
            and not any(subscription.is_behind for subscription in self._subscriptions)
        ):
            self._is_paused = False
            self._link.resume_feed()

    def close(self) -> None:
        """Let go of everybody who waits for events."""
        self._is_closed = True
        for subscription in list(self._subscriptions):
            subscription.close()

    # -- what the link brings
    # --------------------------------------------------------------------------------------

    def feed(self, frames: Sequence[bytes]) -> bool:
        """Take a feed message; False if the link is to bring no more until a subscription has caught up."""
        try:
            if len(frames) != 3:
                raise ProtocolError("truncated", f"a feed message has {len(frames)} frames, expected 3")
            topic, header, body = frames
            if topic == wire.HEARTBEAT_TOPIC:
                heartbeat, heads = wire.read_heartbeat(header, body)
                self._carry_out(self.reception.heartbeat(heartbeat.epoch, heads))
            else:
                self._carry_out(self.reception.receive(topic.decode(), wire.read_run(header), body))
        except (ProtocolError, UnicodeDecodeError) as error:
            self.ignored[error.reason if isinstance(error, ProtocolError) else "malformed"] += 1
        return not self._is_paused

    def feed_welcomed(self) -> None:
        """The feed has a connection: look at once how far the topics had come before."""
        self._are_heads_due = True
        self._ask_heads()

    def lane_welcomed(self, epoch: str) -> None:
        """The lane is connected to a broker of this epoch; what was asked before gets no answer."""
        self._lane_epoch = epoch
        self.reception.forget_fetches()
        self._ask_heads()

    def _ask_heads(self) -> None:
        if self._are_heads_due and self._lane_epoch and self._subscriptions:
            patterns = sorted(
                {pattern for subscription in self._subscriptions for pattern in subscription.patterns}
            )[: wire.PATTERN_LIMIT]
            self._asking.begin(lambda id: wire.Snapshot(id, patterns, True), self._compare_heads)

    # -- what the reception wants
    # ----------------------------------------------------------------------------------

    def _carry_out(self, steps: list[Step]) -> None:
        for step in steps:
            if isinstance(step, Fetch):
                self._fetch(step)
                continue
            for subscription in self._audience(step.topic):
                subscription.take(step)
                self._is_paused = self._is_paused or subscription.is_behind
            if isinstance(step, Lost) and step.beyond_ring:
                self._asking.begin(functools.partial(_snapshot_of, [step.topic]), self._take_retained)

    def _audience(self, topic: str) -> list[Subscription[Event]]:
        """Who wants this topic."""
        audience = self._audiences.get(topic)
        if audience is None:
            audience = [subscription for subscription in self._subscriptions if subscription.wants(topic)]
            if len(self._audiences) < AUDIENCE_LIMIT_TOPICS:
                self._audiences[topic] = audience
        return audience

    def _fetch(self, step: Fetch) -> None:
        if self._lane_epoch != self.reception.epoch:
            self.reception.forget_fetches()  # lane and feed speak of different brokers for a moment; a heartbeat asks again
            return
        epoch = self.reception.epoch
        self._asking.begin(
            lambda id: wire.Replay(id, step.topic, step.first, step.last),
            lambda answer, body: self._take_replay(epoch, answer, body),
        )

    def _take_replay(self, epoch: str, answer: Answer, body: list[bytes]) -> None:
        if epoch != self.reception.epoch:
            return  # its numbers are those of a broker that is no more
        if not isinstance(answer, wire.Replayed):
            self.reception.forget_fetches()
            return
        runs = [(run, events) for _, run, events in _feed_messages(body)]
        self._carry_out(self.reception.replayed(answer.topic, answer.lost, answer.next, runs))

    def _take_retained(self, answer: Answer, body: list[bytes]) -> None:
        """After a loss, the retained events tell how things stand now."""
        if isinstance(answer, wire.Snapshotted) and answer.epoch == self.reception.epoch:
            for topic, run, events in _feed_messages(body):
                self._carry_out(self.reception.retained(topic, run, events))

    def _compare_heads(self, answer: Answer, body: list[bytes]) -> None:
        if isinstance(answer, wire.Snapshotted):
            self._are_heads_due = False
            # In the next turn: a subscription whose snapshot came just before joins first.
            asyncio.get_running_loop().call_soon(
                lambda: self._carry_out(self.reception.heartbeat(answer.epoch, answer.heads))
            )

    async def _snapshot(self, patterns: list[str]) -> tuple[wire.Snapshotted, list[Deliver]]:
        while True:
            await asyncio.shield(self._wait_until_welcome())
            outcome: asyncio.Future[tuple[Answer, list[bytes]]] = asyncio.get_running_loop().create_future()
            self._asking.begin(
                functools.partial(_snapshot_of, patterns), functools.partial(_resolve_answer, outcome)
            )
            answer, body = await outcome
            if isinstance(answer, wire.Snapshotted):
                return answer, [
                    Deliver(topic, run, events, run.count - 1) for topic, run, events in _feed_messages(body)
                ]
            if isinstance(answer, wire.Failed) and answer.kind != "died":
                raise RequestFailed(answer.kind, answer.message, SNAPSHOT_TOPIC)


def _snapshot_of(patterns: list[str], id: int) -> wire.Snapshot:
    return wire.Snapshot(id, patterns)


def _resolve_answer(
    outcome: asyncio.Future[tuple[Answer, list[bytes]]], answer: Answer, body: list[bytes]
) -> None:
    if not outcome.done():
        outcome.set_result((answer, body))


def _feed_messages(body: list[bytes]) -> list[tuple[str, Run, bytes]]:
    """Feed messages that came as body frames, three frames each."""
    return [(body[i].decode(), wire.read_run(body[i + 1]), body[i + 2]) for i in range(0, len(body) - 2, 3)]
