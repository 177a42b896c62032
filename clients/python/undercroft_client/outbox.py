"""Keeps what a client has published and the broker may not have, or may lose. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import msgspec

from undercroft_client.errors import PublishRefused

TAIL_SECONDS: Final = 10.0
"""Messages that were accepted this recently are published again to a new broker."""

TAIL_LIMIT_MESSAGES: Final = 4096
TAIL_LIMIT_BYTES: Final = 16 * 1024 * 1024

Frames: TypeAlias = Sequence[bytes]
Settle: TypeAlias = Callable[[Frames, Exception | None], None]
"""Takes the outcome: the frames of the answer, or the failure."""

encode = msgspec.msgpack.encode


@dataclass(slots=True)
class Message:
    """A PUBLISH that may have to be sent again.

    Attributes:
        event: None withdraws what is retained under the key.
        again: an earlier broker was to get it, so the present one may lack numbers before it.
    """

    serial: int
    topic: str
    first: int
    event: bytes | None
    key: str | None
    correlation: str | None
    settle: Settle | None
    again: bool = False
    accepted_at: float = 0.0

    @property
    def frames(self) -> Frames:
        """The lane message."""
        count, body = (0, b"\x90") if self.event is None else (1, b"\x91" + self.event)
        header = [self.serial, self.topic, count, self.first, self.key, self.correlation, self.again]
        return [b"PUBLISH", encode(header), body]

    @property
    def size_bytes(self) -> int:
        """What it takes to keep it."""
        return len(self.event or b"")

    def end(self, error: Exception | None) -> None:
        """Report the outcome, once."""
        settle, self.settle = self.settle, None
        if settle is not None:
            settle([], error)


class Outbox:
    """Messages by serial: under way, recently accepted, retained.

    Attributes:
        serial: the last message that was published.
    """

    def __init__(self) -> None:
        self.serial = 0
        self._counts: dict[str, int] = {}
        self._under_way: dict[int, Message] = {}
        self._tail: deque[Message] = deque()
        self._tail_bytes = 0
        self._newest: dict[tuple[str, str], Message] = {}

    def offer(
        self, topic: str, event: bytes | None, key: str | None, correlation: str | None, settle: Settle | None
    ) -> Frames:
        """Give an event its number, and return its frames. None: withdraw what is retained under the key."""
        self.serial += 1
        first = self._counts.get(topic, 0) + 1
        message = Message(self.serial, topic, first, event, key, correlation, settle)
        if event is not None:
            self._counts[topic] = first
        self._under_way[self.serial] = message
        return message.frames

    def accepted(self, serial: int, now: float) -> None:
        """The broker accepted every message up to this serial."""
        while self._under_way and (first := next(iter(self._under_way))) <= serial:
            message = self._under_way.pop(first)
            message.accepted_at = now
            self._tail.append(message)
            self._tail_bytes += message.size_bytes
            if message.key is not None and message.event is not None:
                self._newest[message.topic, message.key] = message
            elif message.key is not None:
                self._newest.pop((message.topic, message.key), None)
            message.end(None)
        self._trim(now)

    def refused(self, serial: int, reason: str, detail: str) -> None:
        """The broker gave a message no place in the order."""
        message = self._under_way.pop(serial, None)
        if message is not None:
            message.end(PublishRefused(message.topic, reason, detail))

    def start_over(self, now: float) -> None:
        """A new broker gets what is retained, what was accepted recently, and what was not accepted."""
        self._trim(now)
        again = {
            message.serial: message
            for message in (*self._newest.values(), *self._tail, *self._under_way.values())
        }
        for message in again.values():
            message.again = True
        self._under_way = {serial: again[serial] for serial in sorted(again)}
        self._tail.clear()
        self._tail_bytes = 0

    def unaccepted(self) -> list[Frames]:
        """The frames of every message that is not accepted, in order."""
        return [message.frames for message in self._under_way.values()]

    def abandon(self, reason: str, detail: str) -> None:
        """Fail every message that is under way."""
        for message in self._under_way.values():
            message.end(PublishRefused(message.topic, reason, detail))

    def _trim(self, now: float) -> None:
        while self._tail and (
            len(self._tail) > TAIL_LIMIT_MESSAGES
            or self._tail_bytes > TAIL_LIMIT_BYTES
            or now - self._tail[0].accepted_at > TAIL_SECONDS
        ):
            self._tail_bytes -= self._tail.popleft().size_bytes
