"""Gathers the events of a peer into runs, keeps them until accepted, and knows what to send again. Pure."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import Final

import msgspec

from bus.errors import ProtocolError
from bus.wire import BODY_LIMIT_BYTES, Frame, PublishHeader, check_encoded, is_open, lane_frames
from schemas.event import Event, retained_key_of, topic_of

RUN_LIMIT_BYTES: Final = 64 * 1024
"""A run that has grown to this size takes no further event."""

RUN_LIMIT_EVENTS: Final = 512
WINDOW_RUNS: Final = 16
"""Runs that may be under way unaccepted. Further ones wait in the outbox."""

WAITING_LIMIT_RUNS: Final = 1024
WAITING_LIMIT_BYTES: Final = 1024 * 1024
"""What may wait in the outbox before the publisher itself has to wait."""

TAIL_LIMIT_BYTES: Final = 4 * 1024 * 1024
TAIL_LIMIT_RUNS: Final = 4096
TAIL_SECONDS: Final = 10.0
"""How long accepted runs are kept. If the broker dies before it announced them, its successor gets them."""

KEY_LIMIT_CHARACTERS: Final = 512
CORRELATION_LIMIT_CHARACTERS: Final = 128

FIRST_SERIAL: Final = 2
"""Serials count from here, so that a reply can say that it was made before the first message."""

_ARRAY_HEADER_BYTES: Final = 5
_encode_into: Final = msgspec.msgpack.Encoder().encode_into


@dataclass(slots=True)
class OutgoingRun:
    """Consecutive events of one topic that travel in one message; without any, it withdraws its key.

    Attributes:
        first: number of the first event among those that this peer published to the topic, from 1.
        body: MessagePack array 32 (0xdd, then the count in 4 bytes) and the events.
    """

    topic: str
    first: int
    key: str | None
    correlation: str | None
    body: bytearray = field(default_factory=lambda: bytearray(_ARRAY_HEADER_BYTES))
    count: int = 0
    serial: int = 0
    accepted_at: float = -1.0
    again: bool = False
    frames: list[Frame] = field(default_factory=list)

    @property
    def end(self) -> int:
        """Number of the last event; for a withdrawal, of the event before."""
        return self.first + self.count - 1

    def seal(self, serial: int, *, again: bool) -> list[Frame]:
        """Close the run under this serial, and return its lane frames.

        Args:
            serial: of its message.
            again: the broker does not know all that this peer published before, so numbers may leap.
        """
        self.serial = serial
        self.again = again
        self.body[:_ARRAY_HEADER_BYTES] = b"\xdd" + self.count.to_bytes(4, "big")
        header = PublishHeader(serial, self.topic, self.count, self.first, self.key, self.correlation, again)
        self.frames = lane_frames(header, self.body)
        return self.frames


class Outbox:
    """What a peer has published and the broker may not have yet.

    Attributes:
        published, accepted_events: events that were taken, and those of them that were accepted.
        resent_runs: runs that were sent again after a reconnect.
    """

    def __init__(self) -> None:
        self.published = self.accepted_events = self.resent_runs = 0
        self._serial = FIRST_SERIAL - 1
        self._numbers: dict[str, int] = {}
        self._sealed: dict[str, int] = {}
        self._leaping_topics: set[str] = set()
        self._is_serial_leaping = False
        self._types: dict[type[Event], tuple[str, bool, bool]] = {}
        self._open: OutgoingRun | None = None
        self._waiting: deque[OutgoingRun] = deque()
        self._waiting_bytes = 0
        self._under_way: deque[OutgoingRun] = deque()
        self._tail: deque[OutgoingRun] = deque()
        self._tail_bytes = 0
        self._retained: OrderedDict[tuple[str, str], OutgoingRun] = OrderedDict()
        self._epoch = ""

    def __repr__(self) -> str:
        return (
            f"<Outbox serial={self._serial} waiting={len(self._waiting)} "
            f"under_way={len(self._under_way)} tail={len(self._tail)}>"
        )

    @property
    def is_settled(self) -> bool:
        """Whether everything published has been accepted."""
        return not (self._open or self._waiting or self._under_way)

    @property
    def has_room(self) -> bool:
        """Whether the publisher may continue without waiting for acceptance."""
        return self._waiting_bytes < WAITING_LIMIT_BYTES and len(self._waiting) < WAITING_LIMIT_RUNS

    @property
    def is_sent(self) -> bool:
        """Whether everything published is on its way, accepted or not."""
        return not (self._open or self._waiting)

    @property
    def last_serial(self) -> int:
        """The serial under which the newest event leaves, or has left. Never 0."""
        return self._serial + len(self._waiting) + (self._open is not None)

    def offer(self, event: Event, correlation: str | None) -> bool:
        """Take an event. Returns whether a run is full, and so due now and not only at the end of this turn.

        Raises:
            ProtocolError: reason `oversize` or `unreadable`; nothing was taken.
            TypeError, OverflowError: the event holds something that MessagePack cannot express; nothing was
                taken.
        """
        known = self._types.get(type(event))
        if known is None:
            kind = type(event)
            known = self._types[kind] = (topic_of(kind), kind.retained_by is not None, is_open(kind))
        topic, is_retained, is_checked = known
        run = self._open
        if (
            run is None
            or run.topic != topic
            or run.correlation != correlation
            or run.key is not None
            or is_retained
        ):
            key = retained_key_of(event) if is_retained else None
            if key is not None or correlation is not None:
                check_marks(topic, key, correlation)
            self._close_run()
            run = OutgoingRun(topic, self._numbers.get(topic, 0) + 1, key, correlation)
        body = run.body
        before = len(body)
        try:
            _encode_into(event, body, before)
            if is_checked:
                check_encoded(body[before:])
        except BaseException:
            del body[before:]
            raise
        if len(body) > BODY_LIMIT_BYTES:
            run = self._move_to_own_run(run, before)
            body = run.body
        run.count += 1
        self._open = run
        self._numbers[topic] = run.first + run.count - 1
        self.published += 1
        if run.key is not None or len(body) >= RUN_LIMIT_BYTES or run.count >= RUN_LIMIT_EVENTS:
            self._close_run()
            return True
        return False

    def withdraw(self, topic: str, key: str, correlation: str | None) -> None:
        """Take back the event that is retained under this key.

        Raises:
            ProtocolError: reason `oversize`; nothing was taken.
        """
        check_marks(topic, key, correlation)
        self._close_run()
        self._open = OutgoingRun(topic, self._numbers.get(topic, 0) + 1, key, correlation)
        self._close_run()

    def due(self) -> list[list[Frame]]:
        """Take out what may be sent now, given how much is under way."""
        self._close_run()
        ready: list[list[Frame]] = []
        while self._waiting and len(self._under_way) < WINDOW_RUNS:
            run = self._waiting.popleft()
            self._waiting_bytes -= len(run.body)
            self._serial += 1
            may_leap = self._is_serial_leaping or bool(self._leaping_topics)
            ready.append(run.seal(self._serial, again=may_leap and self._leaps(run.topic)))
            self._sealed[run.topic] = run.end
            self._under_way.append(run)
        return ready

    def accepted(self, serial: int, now: float) -> None:
        """The broker accepted every run up to this serial."""
        while self._under_way and self._under_way[0].serial <= serial:
            run = self._under_way.popleft()
            if run.accepted_at < 0:
                self.accepted_events += run.count  # once, even if a later epoch accepts it again
            run.accepted_at = now
            if run.key is not None:
                if run.count:
                    self._retained[(run.topic, run.key)] = run
                else:
                    self._retained.pop((run.topic, run.key), None)
            self._tail.append(run)
            self._tail_bytes += len(run.body)
        self._trim(now)

    def refused(self, serial: int) -> OutgoingRun | None:
        """The broker refused the run with this serial. Returns it; it is not sent again."""
        for run in self._under_way:
            if run.serial == serial:
                self._under_way.remove(run)
                return run
        return None

    def leapt(self, serial: int) -> list[list[Frame]]:
        """The broker found that numbers before this message are missing. Returns what to send again.

        All that is under way from here on is sent again with permission to leap.
        """
        again = [run for run in self._under_way if run.serial >= serial and not run.again]
        if not again or again[0].serial != serial:
            return []  # it was sent again already
        self.resent_runs += len(again)
        return [run.seal(run.serial, again=True) for run in again]

    def welcomed(self, epoch: str, accepted: int, now: float) -> list[list[Frame]]:
        """A broker admitted this peer, for the first time or again. Returns what to send first.

        The same epoch gets what it has not accepted. A new epoch gets the retained events, what was accepted
        recently, and what was not accepted, in the order of their serials. Subscribers skip what they have.
        """
        if epoch == self._epoch:
            self.accepted(accepted, now)
        elif self._epoch:
            self._trim(now)
            again = {run.serial: run for run in (*self._retained.values(), *self._tail, *self._under_way)}
            self._under_way = deque(again[serial] for serial in sorted(again))
            self._tail.clear()
            self._tail_bytes = 0
            self._note_leaps()
        self._epoch = epoch
        self.resent_runs += len(self._under_way)
        return [run.frames for run in self._under_way]

    def _note_leaps(self) -> None:
        """A new broker gets what is under way. Notice after what of it numbers are missing."""
        known: dict[str, int] = {}
        for run in self._under_way:
            run.seal(run.serial, again=True)
            known[run.topic] = run.end
        self._leaping_topics = {topic for topic, end in known.items() if end != self._sealed.get(topic)}
        self._is_serial_leaping = bool(self._under_way) and self._under_way[-1].serial != self._serial

    def _leaps(self, topic: str) -> bool:
        """Whether the next message of this topic follows a hole in what the broker knows. Once for each."""
        found = self._is_serial_leaping or topic in self._leaping_topics
        self._is_serial_leaping = False
        self._leaping_topics.discard(topic)
        return found

    def _move_to_own_run(self, run: OutgoingRun, start: int) -> OutgoingRun:
        """Give the last event of a run a run of its own: together they are too large for one message.

        Raises:
            ProtocolError: reason `oversize`: the event alone is too large.
        """
        event = run.body[start:]
        del run.body[start:]
        if len(event) + _ARRAY_HEADER_BYTES > BODY_LIMIT_BYTES:
            limit_bytes = BODY_LIMIT_BYTES - _ARRAY_HEADER_BYTES
            raise ProtocolError(
                "oversize", f"an event of {run.topic} has {len(event)} bytes; expected at most {limit_bytes}"
            )
        self._close_run()
        alone = OutgoingRun(run.topic, run.first + run.count, run.key, run.correlation)
        alone.body += event
        return alone

    def _close_run(self) -> None:
        if self._open is not None:
            self._waiting.append(self._open)
            self._waiting_bytes += len(self._open.body)
            self._open = None

    def _trim(self, now: float) -> None:
        while self._tail and (
            len(self._tail) > TAIL_LIMIT_RUNS
            or self._tail_bytes > TAIL_LIMIT_BYTES
            or now - self._tail[0].accepted_at > TAIL_SECONDS
        ):
            self._tail_bytes -= len(self._tail.popleft().body)


def check_marks(topic: str, key: str | None, correlation: str | None) -> None:
    """Check what travels beside an event.

    Raises:
        ProtocolError: reason `oversize`.
    """
    if key is not None and len(key) > KEY_LIMIT_CHARACTERS:
        raise ProtocolError(
            "oversize",
            f"the key of {topic} has {len(key)} characters; expected at most {KEY_LIMIT_CHARACTERS}",
        )
    if correlation is not None and len(correlation) > CORRELATION_LIMIT_CHARACTERS:
        raise ProtocolError(
            "oversize",
            f"the correlation of {topic} has {len(correlation)} characters; "
            f"expected at most {CORRELATION_LIMIT_CHARACTERS}",
        )
