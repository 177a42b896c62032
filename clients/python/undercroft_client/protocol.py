"""Decides what a client says to the broker, and when it says it again. Pure: frames in, frames out."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from undercroft_client.errors import HelloRefused, RequestFailed
from undercroft_client.feed_follower import LANE_LOST, FeedFollower
from undercroft_client.outbox import Frames, Outbox, Settle, encode
from undercroft_client.runtime import PROTOCOL_VERSION
from undercroft_client.values import UNREADABLE

LEFT: Final = "this client left the bus"
KINDS: Final = frozenset({"no_responder", "restarting", "died", "deadline", "busy", "refused", "invalid"})
FINAL_REASONS: Final = frozenset({"displaced", "reserved_name"})
"""Refusals of HELLO that stay, whatever this client does."""

decode = msgspec.msgpack.decode
_MEANINGLESS: Final = (*UNREADABLE, IndexError, KeyError, AttributeError)
"""What a message raises that makes no sense, such as one of a broken broker."""


@dataclass(slots=True)
class PendingQuestion:
    """A REQUEST, SNAPSHOT or REPLAY without an answer yet."""

    topic: str
    frames: Frames
    settle: Settle
    is_sent: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A request that this client has to answer. Another broker may give its id to another request."""

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
        epochs: lives of the broker that admitted this client, the present one last.
        public_instance: id of this life as everybody sees it; empty before the broker admits the client.
        role: `named` if the credential was that of the name, else `guest`.
        behind: by how many events the slowest subscriber of what was published last trails.
        refusal: why the broker last refused this client; None: it did not.
        is_over: the refusal is final, and this client says no more.
        meaningless: how many messages could not be read, and were passed over.
    """

    def __init__(self, name: str, credential: str) -> None:
        self.name, self.credential = name, credential
        self._instance = os.urandom(16).hex()  # a secret: it proves which peer reconnects
        self.epochs: deque[str] = deque(maxlen=64)
        self.is_welcome = self.is_over = False
        self.public_instance, self.role, self.behind, self.meaningless = "", "guest", 0, 0
        self.refusal: HelloRefused | None = None
        self.outgoing: deque[Frames] = deque()
        self.asked: deque[Asked] = deque()
        self.feed_follower = FeedFollower(self._ask)
        self._outbox = Outbox()
        self._last_id = 0
        self._questions: dict[int, PendingQuestion] = {}
        self._in_hand: dict[int, Asked] = {}
        self._services: dict[tuple[str, ...], Settle | None] = {}
        self._serves: deque[tuple[str, ...]] = deque()

    @property
    def epoch(self) -> str:
        """The life of the broker that admitted this client last; empty before the first time."""
        return self.epochs[-1] if self.epochs else ""

    # -- what the user wants

    def publish(
        self, topic: str, event: bytes | None, key: str | None, correlation: str | None, settle: Settle | None
    ) -> None:
        """Publish one event, retained under `key`; None withdraws that one. `settle` gets the outcome."""
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

    @property
    def serial(self) -> int:
        """The last message that this client has published."""
        return self._outbox.serial

    def answer(self, asked: Asked, event: bytes, serial: int) -> None:
        """Answer a request, unless it was cancelled.

        Args:
            asked: the request.
            event: the reply.
            serial: the last message that was published when work on the reply began.
        """
        if self._take_from_hand(asked):
            if not serial and self.serial:
                serial = self.serial + 1  # 0 would say that the reply holds as of now
            self._send(b"REPLY", [asked.id, serial], event)

    def fail(self, asked: Asked, kind: str, message: str) -> None:
        """Fail a request, with the reason."""
        if self._take_from_hand(asked):
            self._send(b"FAILED", [asked.id, kind, message[:4096]])

    def _take_from_hand(self, asked: Asked) -> bool:
        """Whether this request still waits for its answer; it does no more."""
        if self._in_hand.get(asked.id) is not asked:
            return False
        del self._in_hand[asked.id]
        return True

    def heard(self, topic: str, number: int) -> None:
        """Tell the broker how far this client has handed on the events of a topic."""
        if self.is_welcome:
            self._send(b"HEARD", [topic, number])

    def leave(self, *, returning: bool) -> None:
        """Say BYE, and end every wait.

        Args:
            returning: requests to this client fail as `restarting` until it is back.
        """
        if self.is_welcome:
            self._send(b"BYE", [returning])
        self._end_waits(LEFT)
        self._outbox.abandon("left", LEFT)

    # -- what the sockets bring

    def connected(self) -> None:
        """The lane has a new connection."""
        self.disconnected()
        if not self.is_over:
            self._send(b"HELLO", [PROTOCOL_VERSION, self.name, self._instance, self.credential])

    def moved(self, credential: str) -> None:
        """The runtime is another one: what the former one refused, this one may admit."""
        self.disconnected()
        self.credential = credential
        self.is_over = self.refusal is not None and self.refusal.reason == "displaced"

    def disconnected(self) -> None:
        """The lane lost its connection. Questions on it get no answer."""
        self.is_welcome = False
        self.feed_follower.lane_epoch = ""
        self.outgoing.clear()
        self._in_hand.clear()
        self.asked.clear()
        for id in [id for id, question in self._questions.items() if question.is_sent]:
            self._failed(id, "died", LANE_LOST)

    def lane(self, frames: Frames, now: float) -> None:
        """A lane message came in. One that makes no sense is passed over and counted."""
        try:
            self._understand(frames[0], decode(frames[1]), frames, now)
        except _MEANINGLESS:
            self.meaningless += 1

    def feed(self, frames: Frames) -> None:
        """A feed message came in. One that makes no sense is passed over and counted."""
        try:
            self.feed_follower.feed(frames)
        except _MEANINGLESS:
            self.meaningless += 1

    def _understand(self, verb: bytes, header: list[Any], frames: Frames, now: float) -> None:
        match verb:
            case b"WELCOME":
                self._welcomed(header, now)
            case b"ACCEPTED":
                self.behind = header[1] if len(header) > 1 else 0
                self._outbox.accepted(header[0], now)
            case b"PONG":
                self._outbox.accepted(header[2], now)
            case b"PING":
                self._send(b"PONG", [header[0]])
            case b"REQUEST":
                asked = Asked(header[0], header[1], frames[2], header[4], header[3])
                self._in_hand[asked.id] = asked
                self.asked.append(asked)
            case b"CANCEL":
                self._in_hand.pop(header[0], None)
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

    # -- what follows from it

    def _send(self, verb: bytes, header: list[Any], *body: bytes) -> None:
        self.outgoing.append([verb, encode(header), *body])

    def _ask(self, verb: bytes, topic: str, header: list[Any], settle: Settle, *body: bytes) -> int:
        """Ask a question, now or on the next connection; returns its id."""
        self._last_id += 1
        question = self._questions[self._last_id] = PendingQuestion(
            topic, [verb, encode([self._last_id, *header]), *body], settle, self.is_welcome
        )
        if self.is_welcome:
            self.outgoing.append(question.frames)
        return self._last_id

    def _welcomed(self, header: list[Any], now: float) -> None:
        _, epoch, accepted, *more = header
        if self.is_over or (self.is_welcome and epoch == self.epoch):
            return
        if epoch == self.epoch:
            self._outbox.accepted(accepted, now)
        elif self.epoch:
            self._outbox.start_over(now)
        if epoch != self.epoch:
            self.epochs.append(epoch)
        self.public_instance, self.role = more[1:3] if len(more) > 2 else ("", "guest")
        self.is_welcome, self.refusal = True, None
        self.outgoing.extend(self._outbox.unaccepted())
        self._serves.clear()
        for topics in self._services:
            self._send_serve(topics)
        for question in self._questions.values():
            if not question.is_sent:
                question.is_sent = True
                self.outgoing.append(question.frames)
        self.feed_follower.admitted(epoch)

    def _refused(self, id: int, kind: str, message: str, verb: str) -> None:
        reason, _, detail = message.partition(": ")
        if verb == "HELLO":
            self._turned_away(HelloRefused(self.name, reason, detail))
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

    def _turned_away(self, refusal: HelloRefused) -> None:
        """The broker does not admit this client, or admits another one in its place."""
        self.refusal = refusal
        self.is_over = self.is_over or refusal.reason in FINAL_REASONS
        if self.is_over:
            self.disconnected()
            self._end_waits(str(refusal))
            self._outbox.abandon(refusal.reason, refusal.detail)

    def _end_waits(self, message: str) -> None:
        for id in list(self._questions):
            self._failed(id, "died", message)
        for topics, settle in self._services.items():
            self._services[topics] = None
            if settle is not None:
                settle([], RequestFailed("died", message, ", ".join(topics)))

    def _failed(self, id: int, kind: str, message: str) -> None:
        question = self._questions.pop(id, None)
        if question is not None:
            known = kind if kind in KINDS else "invalid"
            question.settle([], RequestFailed(known, message, question.topic))

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
