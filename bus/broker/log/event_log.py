"""Gives every event its number, and keeps the newest events and the retained ones. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable
from itertools import islice
from operator import attrgetter
from typing import Final

import msgspec

from bus.broker.log.logged_run import FeedMessage, LoggedRun
from bus.broker.log.retained_events import RetainedEvents, RetainedKey
from bus.broker.log.retained_owners import RetainedOwners
from bus.broker.log.topic_index import TopicIndex
from bus.broker.log.topic_quotas import TopicQuotas
from bus.wire import Frame, PublishHeader, Run, encode

RING_LIMIT_EVENTS: Final = 65_536
RING_LIMIT_BYTES: Final = 64 * 1024 * 1024
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
        owners: whose these events are.
        quotas: who began the topics.
        floor: highest number of any topic that was forgotten. New topics begin above it, so no number of a
            topic comes twice.
    """

    def __init__(
        self, epoch: str, ring_limit_events: int = RING_LIMIT_EVENTS, ring_limit_bytes: int = RING_LIMIT_BYTES
    ) -> None:
        self.epoch = epoch
        self.sequence = 0
        self.heads: dict[str, int] = {}
        self.retained = RetainedEvents()
        self.owners = RetainedOwners()
        self.quotas = TopicQuotas()
        self.floor = 0
        self.ring_events = 0
        self.ring_bytes = 0
        self._ring_limit_events = ring_limit_events
        self._ring_limit_bytes = ring_limit_bytes
        self._order: deque[LoggedRun] = deque()
        self._by_topic: dict[str, deque[LoggedRun]] = {}
        self._topic_frames: dict[str, bytes] = {}
        self._topics = TopicIndex()
        self._firsts: dict[str, int] = {}

    def __repr__(self) -> str:
        ring, retained = self.ring_events, len(self.retained)
        return f"<EventLog epoch={self.epoch} sequence={self.sequence} ring={ring} retained={retained}>"

    def append(
        self,
        publish: PublishHeader,
        body: Frame,
        source: str,
        instance: str,
        time_ns: int,
        is_guest: bool = False,
    ) -> FeedMessage:
        """Give a run its place, and return the message for the feed.

        Args:
            publish: the header with which it came.
            body: its events.
            source: name of the peer that published it.
            instance: its public instance.
            time_ns: now.
            is_guest: whether that peer is a guest.

        Raises:
            ProtocolError: reasons `retained_full`: the run would be retained, and there is no room for it;
                `not_yours`: another peer retains an event under its key;
                `topics_full`: the topic is new, and there are too many.
        """
        topic, count, key = publish.topic, publish.count, publish.key
        frame = self._topic_frames.get(topic)
        is_new = frame is None
        if frame is None:
            self.quotas.check(topic, source, is_guest=is_guest)
            frame = topic.encode()
        number = self.heads.get(topic, self.floor) + 1
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
            key,
            publish.correlation,
        )
        entry = LoggedRun(topic, number, count, sequence, (frame, encode(run), body))
        if key is not None:
            self._retain((topic, key), entry, source, is_guest)
        if is_new:
            self._begin(topic, frame, source, is_guest)
        self.heads[topic] = number + count - 1
        self.sequence = sequence + count - 1
        self._remember(entry)
        return entry.message

    def withdraw(self, topic: str, key: str, owner: str) -> None:
        """Retain no longer what a peer published under this key. Nothing happens if there is nothing.

        Raises:
            ProtocolError: reason `not_yours`.
        """
        self.owners.check_owner((topic, key), owner)
        self._drop((topic, key))

    def drop_retained(self, owner: str) -> None:
        """A peer left for good: retain nothing of it any longer."""
        for key in self.owners.keys_of(owner):
            self._drop(key)

    def forget_topics(self, time_ns: int, is_present: Callable[[str], bool]) -> bool:
        """Forget the topics of which nothing is left, and whose publisher is gone; at most once a second.

        Args:
            time_ns: now.
            is_present: whether a peer of this name is there.

        Returns:
            Whether any was forgotten.
        """
        forgotten = self.quotas.forget(
            time_ns,
            lambda topic, creator: (
                bool(self._by_topic.get(topic)) or self.owners.has_topic(topic) or is_present(creator)
            ),
        )
        for topic in forgotten:
            self.floor = max(self.floor, self.heads.pop(topic, 0))
            self._topics.remove(topic)
            self._by_topic.pop(topic, None)
            self._firsts.pop(topic, None)
            del self._topic_frames[topic]
        return bool(forgotten)

    def replay(self, topic: str, first: int, last: int) -> tuple[int, int, list[FeedMessage]]:
        """What the ring holds of a topic from number `first` to `last`.

        Returns how many events from `first` on are lost, the number after the last event returned, and whole
        runs. The runs may begin before `first` or end after `last`; the peer skips what it has. Numbers below
        the first one that the topic had are not lost: there never were such events.
        """
        is_known = topic in self.heads
        first = max(first, self._firsts.get(topic, 1) if is_known else self.floor + 1)
        last = min(last, self.heads.get(topic, 0))
        entries = self._by_topic.get(topic) or deque[LoggedRun]()
        oldest = entries[0].number if entries else self.heads.get(topic, self.floor) + 1
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

    def _begin(self, topic: str, frame: bytes, creator: str, is_guest: bool) -> None:
        self.quotas.begin(topic, creator, is_guest=is_guest)
        self._topic_frames[topic] = frame
        self._topics.add(topic)
        if self.floor:
            self._firsts[topic] = self.floor + 1

    def _retain(self, key: RetainedKey, entry: LoggedRun, owner: str, is_guest: bool) -> None:
        self.retained.check_room(key, entry.size_bytes)
        self.owners.check(key, owner, entry.size_bytes, is_guest=is_guest)
        self.retained.put(key, entry)
        self.owners.put(key, owner, entry.size_bytes, is_guest=is_guest)

    def _drop(self, key: RetainedKey) -> None:
        self.retained.withdraw(key)
        self.owners.remove(key)

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
