"""Who began each topic, how many a peer may begin, and which topics can be forgotten. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final

from bus.errors import ProtocolError
from schemas.contract.registry import EVENTS

TOPIC_LIMIT: Final = 16_384
"""Most topics at once, besides those of the contract. Each costs memory, and room in every heartbeat."""

NAMED_TOPIC_LIMIT: Final = 8192
GUEST_TOPIC_LIMIT: Final = 1024
ALL_GUESTS_TOPIC_LIMIT: Final = TOPIC_LIMIT // 2

FORGET_EVERY_NS: Final = 1_000_000_000
"""Time between two searches for topics to forget: each looks at all of them."""


class TopicQuotas:
    """Topics of the contract always have room; those of apps have an owner each: who began it."""

    def __init__(self) -> None:
        self._creators: dict[str, tuple[str, bool]] = {}
        self._begun: Counter[str] = Counter()
        self._by_guests = 0
        self._searched_at_ns: int | None = None

    def __len__(self) -> int:
        return len(self._creators)

    def begun_by(self, creator: str) -> int:
        """How many topics in use a peer began."""
        return self._begun.get(creator, 0)

    def check(self, topic: str, creator: str, *, is_guest: bool) -> None:
        """Check that a peer may begin a topic.

        Raises:
            ProtocolError: reason `topics_full`.
        """
        limit = None if topic in EVENTS else self._limit_reached(creator, is_guest)
        if limit is not None:
            raise ProtocolError("topics_full", f"there is no room for {topic!r}: {limit}")

    def begin(self, topic: str, creator: str, *, is_guest: bool) -> None:
        """A topic is in use from now on."""
        if topic not in EVENTS:
            self._creators[topic] = (creator, is_guest)
            self._begun[creator] += 1
            self._by_guests += is_guest

    def forget(self, time_ns: int, is_needed: Callable[[str, str], bool]) -> list[str]:
        """Take out the topics that nobody needs, at most once a second; returns them.

        Args:
            time_ns: now.
            is_needed: tells from a topic and the name of who began it.
        """
        if self._searched_at_ns is not None and abs(time_ns - self._searched_at_ns) < FORGET_EVERY_NS:
            return []
        self._searched_at_ns = time_ns
        forgotten = [topic for topic, (creator, _) in self._creators.items() if not is_needed(topic, creator)]
        for topic in forgotten:
            creator, is_guest = self._creators.pop(topic)
            self._by_guests -= is_guest
            self._begun[creator] -= 1
            if not self._begun[creator]:
                del self._begun[creator]
        return forgotten

    def _limit_reached(self, creator: str, is_guest: bool) -> str | None:
        if len(self._creators) >= TOPIC_LIMIT:
            return f"{TOPIC_LIMIT} topics are in use"
        if is_guest and self._by_guests >= ALL_GUESTS_TOPIC_LIMIT:
            return f"guests began {ALL_GUESTS_TOPIC_LIMIT} topics"
        limit = GUEST_TOPIC_LIMIT if is_guest else NAMED_TOPIC_LIMIT
        return f"{creator!r} began {limit} topics" if self.begun_by(creator) >= limit else None
