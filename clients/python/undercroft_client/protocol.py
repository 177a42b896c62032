"""Decides what a client says to the broker, and when it says it again. Pure: frames in, frames out."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from undercroft_client.errors import HelloRefused, RequestFailed
from undercroft_client.ordering import Fetch, Heard, Lost, Ordering, Run
from undercroft_client.outbox import Frames, Outbox, Settle, encode
from undercroft_client.runtime import PROTOCOL_VERSION

FRAME_LIMIT_BYTES: Final = 16 * 1024 * 1024
LEFT: Final = "this client left the bus"
FEED_TOPICS: Final = (b"!welcome", b"!heartbeat")

decode = msgspec.msgpack.decode
_decode_run: Final = msgspec.msgpack.Decoder(Run).decode


@dataclass(slots=True)
class PendingQuestion:
    """A REQUEST, SNAPSHOT or REPLAY without an answer yet."""

    topic: str
    frames: Frames
    settle: Settle
    is_sent: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that this client has to answer."""

    id: int
    topic: str
    body: bytes
    source: str
    correlation: str | None


class Protocol:
    """One life of a client.

    Attributes:
        outgoing: lane messages to send, in order.
        asked: requests to answer.
        refusal: why the broker last refused this client; None: it did not.
    """

    def __init__(self, name: str, token: str) -> None:
        self.name, self.token, self.instance = name, token, os.urandom(8).hex()
        self.epoch, self.is_welcome = "", False
        self.refusal: HelloRefused | None = None
        self.outgoing: deque[Frames] = deque()
        self.asked: deque[Asked] = deque()
        self.orderings: dict[Ordering, Callable[[Heard | Lost], None]] = {}
        self._outbox = Outbox()
        self._last_id = 0
        self._questions: dict[int, PendingQuestion] = {}
        self._in_hand: set[int] = set()
        self._services: dict[tuple[str, ...], Settle | None] = {}
        self._serves: deque[tuple[str, ...]] = deque()

    # -- what the user wants

    def publish(
        self, topic: str, event: bytes, key: str | None, correlation: str | None, settle: Settle | None
    ) -> None:
        """Publish one event, retained under `key`. `settle` is called once it has its place in the order."""
        frames = self._outbox.offer(topic, event, key, correlation, settle)
        if self.is_welcome:
            self.outgoing.append(frames)

    def hurry(self) -> None:
        """Ask for a PONG: it confirms what is accepted, without the delay that ACCEPTED has."""
        if self.is_welcome:
            self._send(b"PING", [0])

    def request(
        self, topic: str, event: bytes, timeout_seconds: float, correlation: str | None, settle: Settle
    ) -> int:
        """Send a request, and return the id of the question."""
        return self._ask(
            b"REQUEST", topic, [topic, max(1, int(timeout_seconds * 1000)), correlation], settle, event
        )

    def give_up(self, id: int) -> None:
        """Nobody waits for this answer any more."""
        question = self._questions.pop(id, None)
        if question is not None and question.is_sent:
            self._send(b"CANCEL", [id])

    def serve(self, topics: Iterable[str], settle: Settle) -> None:
        """Serve requests to these topics from now on, on every connection."""
        self._services[tuple(topics)] = settle
        if self.is_welcome:
            self._send_serve(tuple(topics))

    def answer(self, id: int, event: bytes) -> None:
        """Answer a request, unless it was cancelled."""
        if id in self._in_hand:
            self._in_hand.remove(id)
            self._send(b"REPLY", [id], event)

    def fail(self, id: int, kind: str, message: str) -> None:
        """Fail a request, with the reason."""
        if id in self._in_hand:
            self._in_hand.remove(id)
            self._send(b"FAILED", [id, kind, message[:4096]])

    def subscribe(
        self, patterns: Iterable[str], hear: Callable[[Heard | Lost], None], settle: Settle
    ) -> Ordering:
        """Hear events of these patterns. The feed is subscribed already; `settle` gets the snapshot."""
        ordering = Ordering(patterns)
        self.orderings[ordering] = hear
        self._snapshot(ordering, settle)
        return ordering

    def leave(self, *, returning: bool) -> None:
        """Say BYE, and end every wait.

        Args:
            returning: requests to this client fail as `restarting` until it is back.
        """
        if self.is_welcome:
            self._send(b"BYE", [returning])
        for id in list(self._questions):
            self._failed(id, "died", LEFT)
        self._outbox.abandon(LEFT)

    # -- what the sockets bring

    def connected(self) -> None:
        """The lane has a new connection."""
        self.disconnected()
        self._send(b"HELLO", [PROTOCOL_VERSION, self.name, self.instance, self.token])

    def disconnected(self) -> None:
        """The lane lost its connection. Questions on it get no answer."""
        self.is_welcome = False
        self.outgoing.clear()
        self._in_hand.clear()
        self.asked.clear()
        for id in [id for id, question in self._questions.items() if question.is_sent]:
            self._failed(
                id, "died", "the connection to the broker was lost; the request may have been carried out"
            )

    def lane(self, frames: Frames, now: float) -> None:
        """A lane message came in."""
        verb, header = frames[0], decode(frames[1])
        match verb:
            case b"WELCOME":
                self._welcomed(epoch=header[1], accepted=header[2], now=now)
            case b"ACCEPTED":
                self._outbox.accepted(header[0], now)
            case b"PONG":
                self._outbox.accepted(header[2], now)
            case b"PING":
                self._send(b"PONG", [header[0]])
            case b"REQUEST":
                self._in_hand.add(header[0])
                self.asked.append(Asked(header[0], header[1], frames[2], header[4], header[3]))
            case b"CANCEL":
                self._in_hand.discard(header[0])
            case b"REPLY" | b"SNAPSHOT" | b"REPLAY":
                question = self._questions.pop(header[0], None)
                if question is not None:
                    question.settle(frames, None)
            case b"SERVE":
                self._served(None)
            case b"FAILED":
                self._refused(header[0], header[1], header[2], header[3] if len(header) > 3 else "REQUEST")
            case _:
                pass  # of a later version

    def feed(self, frames: Frames) -> None:
        """A feed message came in."""
        if frames[0] == b"!welcome":
            self._ask_heads()
        elif frames[0] == b"!heartbeat":
            self._compare(decode(frames[1])[0], decode(frames[2]))
        else:
            topic, run = frames[0].decode(), _decode_run(frames[1])
            for ordering in list(self.orderings):
                self._apply(ordering, ordering.receive(topic, run, frames[2]))

    # -- what follows from it

    def _send(self, verb: bytes, header: list[Any], *body: bytes) -> None:
        self.outgoing.append([verb, encode(header), *body])

    def _ask(self, verb: bytes, topic: str, header: list[Any], settle: Settle, *body: bytes) -> int:
        self._last_id += 1
        question = self._questions[self._last_id] = PendingQuestion(
            topic, [verb, encode([self._last_id, *header]), *body], settle, self.is_welcome
        )
        if self.is_welcome:
            self.outgoing.append(question.frames)
        return self._last_id

    def _welcomed(self, epoch: str, accepted: int, now: float) -> None:
        if self.is_welcome and epoch == self.epoch:
            return
        if epoch == self.epoch:
            self._outbox.accepted(accepted, now)
        elif self.epoch:
            self._outbox.start_over(now)
        self.epoch, self.is_welcome, self.refusal = epoch, True, None
        self.outgoing.extend(self._outbox.unaccepted())
        self._serves.clear()
        for topics in self._services:
            self._send_serve(topics)
        for question in self._questions.values():
            if not question.is_sent:
                question.is_sent = True
                self.outgoing.append(question.frames)
        self._ask_heads()

    def _refused(self, id: int, kind: str, message: str, verb: str) -> None:
        reason, _, detail = message.partition(": ")
        if verb == "HELLO":
            self.refusal = HelloRefused(self.name, reason, detail)
        elif reason == "unknown_peer":
            if id in self._questions and verb != "PUBLISH":
                self._questions[id].is_sent = False
            if self.is_welcome:
                self.connected()  # the broker does not know this connection; WELCOME sends again what matters
        elif verb == "PUBLISH":
            self._outbox.refused(id, reason, detail)
        elif verb == "SERVE":
            self._served(RequestFailed(kind, message))
        else:
            self._failed(id, kind, message)

    def _failed(self, id: int, kind: str, message: str) -> None:
        question = self._questions.pop(id, None)
        if question is not None:
            question.settle([], RequestFailed(kind, message, question.topic))

    def _send_serve(self, topics: tuple[str, ...]) -> None:
        self._serves.append(topics)
        self._send(b"SERVE", [list(topics)])

    def _served(self, error: RequestFailed | None) -> None:
        """The broker answers SERVEs in the order in which they were sent."""
        topics = self._serves.popleft() if self._serves else ()
        settle = self._services.get(topics)
        if settle is not None:
            self._services[topics] = None
            if error is not None:
                del self._services[topics]
            settle([], error)

    # -- subscriptions

    def _snapshot(self, ordering: Ordering, settle: Settle) -> None:
        def take(frames: Frames, error: Exception | None) -> None:
            if isinstance(error, RequestFailed) and error.kind == "died" and error.message != LEFT:
                self._snapshot(ordering, settle)
                return
            if error is None and ordering in self.orderings:
                _, epoch, _, heads = decode(frames[1])[:4]
                self._apply(ordering, ordering.join(epoch, heads, list(_messages(frames))))
            settle(frames, error)

        self._ask(b"SNAPSHOT", "", [ordering.patterns, False, 0], take)

    def _apply(self, ordering: Ordering, steps: Iterable[Heard | Lost | Fetch]) -> None:
        for step in steps:
            hear = self.orderings.get(ordering)
            if hear is None:
                return  # its subscriber has left
            if isinstance(step, Fetch):
                self._fetch(ordering, step)
                continue
            hear(step)
            if isinstance(step, Lost) and step.reason == "ring_exceeded":
                self._recall(ordering, step.topic)

    def _fetch(self, ordering: Ordering, step: Fetch) -> None:
        epoch = ordering.epoch

        def take(frames: Frames, error: Exception | None) -> None:
            if error is None:
                _, topic, lost = decode(frames[1])[:3]
                self._apply(ordering, ordering.replayed(epoch, topic, lost, _messages(frames)))
            elif epoch == ordering.epoch:
                ordering.forget(step.topic)

        if self.is_welcome and self.epoch == epoch:
            self._ask(b"REPLAY", step.topic, [step.topic, step.first, step.last], take)
        else:
            ordering.forget(step.topic)  # lane and feed have different brokers for a moment

    def _recall(self, ordering: Ordering, topic: str) -> None:
        def take(frames: Frames, error: Exception | None) -> None:
            self._apply(ordering, ordering.recalled(topic, _messages(frames)))

        self._ask(b"SNAPSHOT", topic, [[topic], False, 0], take)

    def _ask_heads(self) -> None:
        """Compare the newest number of each topic at once. Lane and feed connect in either order."""
        if self.is_welcome and self.orderings:
            patterns = sorted({pattern for ordering in self.orderings for pattern in ordering.patterns})
            self._ask(b"SNAPSHOT", "", [patterns, True, 0], self._compare_heads)

    def _compare_heads(self, frames: Frames, error: Exception | None) -> None:
        if error is None:
            _, epoch, _, heads = decode(frames[1])[:4]
            self._compare(epoch, heads)

    def _compare(self, epoch: str, heads: dict[str, int]) -> None:
        for ordering in list(self.orderings):
            self._apply(ordering, ordering.heartbeat(epoch, heads))


def _messages(frames: Frames) -> Iterator[tuple[str, Run, bytes]]:
    """The feed messages in the body of an answer, three frames each."""
    for i in range(2, len(frames) - 2, 3):
        yield frames[i].decode(), _decode_run(frames[i + 1]), frames[i + 2]
