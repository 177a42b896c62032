"""Gives every event its number, and keeps the newest events and the retained ones. Pure."""

from __future__ import annotations

from collections import deque
from typing import Final

import msgspec

from bus.errors import ProtocolError
from bus.wire import Frame, PublishHeader, Run, encode

RING_LIMIT_EVENTS: Final = 65_536
RING_LIMIT_BYTES: Final = 64 * 1024 * 1024
RETAINED_LIMIT_KEYS: Final = 16_384
RETAINED_LIMIT_BYTES: Final = 64 * 1024 * 1024
TOPIC_LIMIT: Final = 16_384
"""Most topics in one epoch. Each costs memory until the broker ends, and room in every heartbeat."""

REPLAY_LIMIT_BYTES: Final = 1024 * 1024
"""An answer to REPLAY stops after the run that passes this size. The peer asks for the rest."""

FeedMessage = tuple[Frame, Frame, Frame]
"""Topic, header and body."""


class LoggedRun(msgspec.Struct, frozen=True):
    """A run of events at its place in the order."""

    topic: str
    number: int
    count: int
    sequence: int
    message: FeedMessage

    @property
    def size_bytes(self) -> int:
        """Bytes of header and body."""
        return len(self.message[1]) + len(self.message[2])


class EventLog:
    """The one order of all events.

    Attributes:
        epoch: this life of the broker.
        sequence: number of the newest event in the one order.
        heads: number of the newest event of each topic.
        ring_events, ring_bytes: what is kept for replay.
        retained_bytes: what the retained events hold.
    """

    def __init__(
        self, epoch: str, ring_limit_events: int = RING_LIMIT_EVENTS, ring_limit_bytes: int = RING_LIMIT_BYTES
    ) -> None:
        self.epoch = epoch
        self.sequence = 0
        self.heads: dict[str, int] = {}
        self.ring_events = 0
        self.ring_bytes = 0
        self._ring_limit_events = ring_limit_events
        self._ring_limit_bytes = ring_limit_bytes
        self._order: deque[LoggedRun] = deque()
        self._by_topic: dict[str, deque[LoggedRun]] = {}
        self._topic_frames: dict[str, bytes] = {}
        self._retained: dict[tuple[str, str], LoggedRun] = {}
        self.retained_bytes = 0

    def __repr__(self) -> str:
        ring, retained = self.ring_events, len(self._retained)
        return f"<EventLog epoch={self.epoch} sequence={self.sequence} ring={ring} retained={retained}>"

    @property
    def retained_keys(self) -> int:
        """How many events are retained."""
        return len(self._retained)

    def append(
        self, publish: PublishHeader, body: Frame, source: str, instance: str, time_ns: int
    ) -> FeedMessage:
        """Give a run its place, and return the message for the feed.

        Raises:
            ProtocolError: reasons `retained_full`: the run would be retained, and there is no room for
                another key;
                `topics_full`: the topic is new, and there are too many.
        """
        topic, count = publish.topic, publish.count
        if publish.key is not None:
            self._check_room((topic, publish.key), len(body))
        number = self.heads.get(topic, 0) + 1
        sequence = self.sequence + 1
        run = Run(
            self.epoch,
            sequence,
            number,
            count,
            time_ns,
            source,
            instance,
            publish.first,
            publish.key,
            publish.correlation,
        )
        frame = self._topic_frames.get(topic)
        if frame is None:
            if len(self._topic_frames) >= TOPIC_LIMIT:
                raise ProtocolError(
                    "topics_full", f"{TOPIC_LIMIT} topics are in use; there is no room for {topic!r}"
                )
            frame = self._topic_frames[topic] = topic.encode()
        entry = LoggedRun(topic, number, count, sequence, (frame, encode(run), body))
        self.heads[topic] = number + count - 1
        self.sequence = sequence + count - 1
        self._remember(entry)
        if publish.key is not None:
            self._retain((topic, publish.key), entry)
        return entry.message

    def replay(self, topic: str, first: int, last: int) -> tuple[int, int, list[FeedMessage]]:
        """What the ring holds of a topic from number `first` to `last`.

        Returns how many events from `first` on are lost, the number after the last event returned, and whole
        runs. The runs may begin before `first` or end after `last`; the peer skips what it has.
        """
        last = min(last, self.heads.get(topic, 0))
        entries = self._by_topic.get(topic, ())
        oldest = entries[0].number if entries else self.heads.get(topic, 0) + 1
        lost = max(0, min(oldest, last + 1) - first)
        messages: list[FeedMessage] = []
        following, size_bytes = first + lost, 0
        for entry in entries:
            if entry.number > last or size_bytes >= REPLAY_LIMIT_BYTES:
                break
            if entry.number + entry.count <= following:
                continue
            messages.append(entry.message)
            size_bytes += entry.size_bytes
            following = entry.number + entry.count
        return lost, following, messages

    def snapshot(self, patterns: list[str]) -> tuple[dict[str, int], list[FeedMessage]]:
        """The heads and the retained events of the topics that match, the events in order."""
        exact = {pattern for pattern in patterns if not pattern.endswith("*")}
        prefixes = tuple({pattern[:-1] for pattern in patterns if pattern.endswith("*")})
        heads = {
            topic: head for topic, head in self.heads.items() if topic in exact or topic.startswith(prefixes)
        }
        entries = [entry for (topic, _), entry in self._retained.items() if topic in heads]
        return heads, [entry.message for entry in sorted(entries, key=lambda entry: entry.sequence)]

    def _remember(self, entry: LoggedRun) -> None:
        self._order.append(entry)
        queue = self._by_topic.get(entry.topic)
        if queue is None:
            queue = self._by_topic[entry.topic] = deque()
        queue.append(entry)
        self.ring_events += entry.count
        self.ring_bytes += entry.size_bytes
        while len(self._order) > 1 and (
            self.ring_events > self._ring_limit_events or self.ring_bytes > self._ring_limit_bytes
        ):
            oldest = self._order.popleft()
            self._by_topic[oldest.topic].popleft()
            self.ring_events -= oldest.count
            self.ring_bytes -= oldest.size_bytes

    def _check_room(self, key: tuple[str, str], size_bytes: int) -> None:
        former = self._retained.get(key)
        if former is None and len(self._retained) >= RETAINED_LIMIT_KEYS:
            raise ProtocolError(
                "retained_full",
                f"{len(self._retained)} events are retained; there is no room for {key[0]} {key[1]!r}",
            )
        if self.retained_bytes - (former.size_bytes if former else 0) + size_bytes > RETAINED_LIMIT_BYTES:
            raise ProtocolError(
                "retained_full",
                f"retained events hold {RETAINED_LIMIT_BYTES} bytes at most; {key[0]} {key[1]!r} is too much",
            )

    def _retain(self, key: tuple[str, str], entry: LoggedRun) -> None:
        former = self._retained.get(key)
        self.retained_bytes += entry.size_bytes - (former.size_bytes if former else 0)
        self._retained[key] = entry
