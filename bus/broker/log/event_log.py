"""Gives every event its number, and keeps the newest events and the retained ones. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from itertools import islice
from operator import attrgetter
from typing import Final

import msgspec

from bus.broker.log.logged_run import FeedMessage, LoggedRun
from bus.broker.log.retained_events import RetainedEvents
from bus.broker.log.topic_index import TopicIndex
from bus.errors import ProtocolError
from bus.wire import Frame, PublishHeader, Run, encode

RING_LIMIT_EVENTS: Final = 65_536
RING_LIMIT_BYTES: Final = 64 * 1024 * 1024
TOPIC_LIMIT: Final = 16_384
"""Most topics in one epoch. Each costs memory until the broker ends, and room in every heartbeat."""

PAGE_LIMIT_BYTES: Final = 1024 * 1024
"""An answer to REPLAY or SNAPSHOT stops after the run that passes this size. The peer asks for the rest."""

_number_of: Final = attrgetter("number")


class SnapshotPage(msgspec.Struct, frozen=True):
    """A page of retained events.

    Attributes:
        heads: number of the newest event of each topic that matches; in the first page only.
        messages: retained events, in order.
        next: after which place in the order the next page begins; 0: there is none.
    """

    heads: dict[str, int]
    messages: list[FeedMessage]
    next: int


class EventLog:
    """The one order of all events.

    Attributes:
        epoch: this life of the broker.
        sequence: number of the newest event in the one order.
        heads: number of the newest event of each topic.
        ring_events, ring_bytes: what is kept for replay.
        retained: the newest event of each key.
    """

    def __init__(
        self, epoch: str, ring_limit_events: int = RING_LIMIT_EVENTS, ring_limit_bytes: int = RING_LIMIT_BYTES
    ) -> None:
        self.epoch = epoch
        self.sequence = 0
        self.heads: dict[str, int] = {}
        self.retained = RetainedEvents()
        self.ring_events = 0
        self.ring_bytes = 0
        self._ring_limit_events = ring_limit_events
        self._ring_limit_bytes = ring_limit_bytes
        self._order: deque[LoggedRun] = deque()
        self._by_topic: dict[str, deque[LoggedRun]] = {}
        self._topic_frames: dict[str, bytes] = {}
        self._topics = TopicIndex()

    def __repr__(self) -> str:
        ring, retained = self.ring_events, len(self.retained)
        return f"<EventLog epoch={self.epoch} sequence={self.sequence} ring={ring} retained={retained}>"

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
            self.retained.check_room((topic, publish.key), len(body))
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
            self._topics.add(topic)
        entry = LoggedRun(topic, number, count, sequence, (frame, encode(run), body))
        self.heads[topic] = number + count - 1
        self.sequence = sequence + count - 1
        self._remember(entry)
        if publish.key is not None:
            self.retained.put((topic, publish.key), entry)
        return entry.message

    def replay(self, topic: str, first: int, last: int) -> tuple[int, int, list[FeedMessage]]:
        """What the ring holds of a topic from number `first` to `last`.

        Returns how many events from `first` on are lost, the number after the last event returned, and whole
        runs. The runs may begin before `first` or end after `last`; the peer skips what it has.
        """
        last = min(last, self.heads.get(topic, 0))
        entries = self._by_topic.get(topic) or deque[LoggedRun]()
        oldest = entries[0].number if entries else self.heads.get(topic, 0) + 1
        lost = max(0, min(oldest, last + 1) - first)
        messages: list[FeedMessage] = []
        following, size_bytes = first + lost, 0
        begin = bisect_right(entries, following, key=_number_of) - 1
        for entry in islice(entries, max(0, begin), None):
            if entry.number > last or size_bytes >= PAGE_LIMIT_BYTES:
                break
            if entry.number + entry.count <= following:
                continue
            messages.append(entry.message)
            size_bytes += entry.size_bytes
            following = entry.number + entry.count
        return lost, following, messages

    def snapshot(self, patterns: list[str], after: int = 0, *, heads_only: bool = False) -> SnapshotPage:
        """A page of the topics that match: their heads, and the retained events after this place."""
        topics = set(self._topics.matching(patterns))
        heads = {} if after else {topic: self.heads[topic] for topic in topics}
        messages: list[FeedMessage] = []
        size_bytes = last = 0
        for entry in () if heads_only else self.retained.after(after):
            if entry.topic not in topics:
                continue
            if size_bytes >= PAGE_LIMIT_BYTES:
                return SnapshotPage(heads, messages, last)
            messages.append(entry.message)
            size_bytes += entry.size_bytes
            last = entry.sequence
        return SnapshotPage(heads, messages, 0)

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
