"""The events that all contestants carry, encoded and decoded by msgspec at both ends."""

from __future__ import annotations

import time

import msgspec

from schemas.event import Event, Request


class SpokenEvent(Event, frozen=True, kw_only=True, tag="app.spoken"):
    """What a dictation app might say: `n` counts, -1 warms up; `sent_ns` is CLOCK_MONOTONIC."""

    n: int
    sent_ns: int = 0
    text: str = "the quick brown fox jumps over the lazy dog"
    confidence: float = 0.93
    is_final: bool = True


class AnswerEvent(Event, frozen=True, kw_only=True, tag="app.answer"):
    """An answer."""

    n: int
    text: str = "and so it is"


class AskEvent(Request[AnswerEvent], frozen=True, kw_only=True, tag="app.ask"):
    """A question."""

    n: int
    text: str = "is it so?"


class UnansweredEvent(Request[AnswerEvent], frozen=True, kw_only=True, tag="app.unanswered"):
    """A question that nobody answers."""

    n: int


TOPIC = b"app.spoken"

encode = msgspec.msgpack.Encoder().encode
decode_spoken = msgspec.msgpack.Decoder(SpokenEvent).decode
decode_ask = msgspec.msgpack.Decoder(AskEvent).decode
decode_answer = msgspec.msgpack.Decoder(AnswerEvent).decode

WARM_UP = -1


class Handler:
    """The async handler of every contestant: counts, and notes how long each event took."""

    def __init__(self) -> None:
        self.count = 0
        self.total = 0
        self.latencies_ns: list[int] = []

    async def handle(self, event: SpokenEvent) -> None:
        """Take one event for throughput."""
        self.count += 1
        self.total += event.n

    async def time(self, event: SpokenEvent) -> None:
        """Take one event for latency."""
        self.latencies_ns.append(time.monotonic_ns() - event.sent_ns)
