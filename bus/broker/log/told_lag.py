"""How far subscribers say that they are, and by how much the slowest of them trails. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Final

NEWS_SECONDS: Final = 5.0
"""A subscriber that says nothing for this long is not waited for: it may have stopped, or lost interest."""

TOPICS_LIMIT: Final = 1024
"""Topics of one subscriber that are noted."""


class ToldLag:
    """What subscribers said, by topic."""

    def __init__(self, heads: Mapping[str, int]) -> None:
        """Know nothing yet.

        Args:
            heads: number of the newest event of each topic.
        """
        self._heads = heads
        self._numbers: dict[str, dict[Hashable, tuple[int, float]]] = {}
        self._topics: dict[Hashable, set[str]] = {}

    def __bool__(self) -> bool:
        return bool(self._numbers)

    def heard(self, subscriber: Hashable, topic: str, number: int, now: float) -> None:
        """A subscriber has handed on the events of a topic up to this number."""
        if topic not in self._heads:
            return
        topics = self._topics.setdefault(subscriber, set())
        if topic not in topics and len(topics) >= TOPICS_LIMIT:
            return
        topics.add(topic)
        self._numbers.setdefault(topic, {})[subscriber] = (number, now)

    def behind(self, topic: str, now: float) -> int:
        """By how many events the slowest subscriber trails, of those that lately said something."""
        numbers = self._numbers.get(topic)
        if numbers is None:
            return 0
        for subscriber in [key for key, (_, at) in numbers.items() if now - at > NEWS_SECONDS]:
            self._drop(subscriber, topic)
        return max((self._heads.get(topic, 0) - number for number, _ in numbers.values()), default=0)

    def forget(self, subscriber: Hashable) -> None:
        """A subscriber is gone."""
        for topic in list(self._topics.get(subscriber, ())):
            self._drop(subscriber, topic)

    def _drop(self, subscriber: Hashable, topic: str) -> None:
        numbers, topics = self._numbers[topic], self._topics[subscriber]
        del numbers[subscriber]
        topics.discard(topic)
        if not numbers:
            del self._numbers[topic]
        if not topics:
            del self._topics[subscriber]
