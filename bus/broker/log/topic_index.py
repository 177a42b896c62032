"""The topics in use in the order of their names, so that a pattern costs no look at all of them. Pure."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator


class TopicIndex:
    """Finds the topics that patterns match."""

    def __init__(self) -> None:
        self._topics: list[str] = []

    def __len__(self) -> int:
        return len(self._topics)

    def add(self, topic: str) -> None:
        """Take in a topic that is not there yet."""
        insort(self._topics, topic)

    def remove(self, topic: str) -> None:
        """Take out a topic."""
        place = bisect_left(self._topics, topic)
        if place < len(self._topics) and self._topics[place] == topic:
            del self._topics[place]

    def matching(self, patterns: Iterable[str]) -> Iterator[str]:
        """The topics that one of these patterns matches, each once."""
        prefixes = _outermost(pattern[:-1] for pattern in patterns if pattern.endswith("*"))
        for prefix in prefixes:
            place = bisect_left(self._topics, prefix)
            while place < len(self._topics) and self._topics[place].startswith(prefix):
                yield self._topics[place]
                place += 1
        covered = tuple(prefixes)
        for topic in {pattern for pattern in patterns if not pattern.endswith("*")}:
            place = bisect_left(self._topics, topic)
            if place < len(self._topics) and self._topics[place] == topic and not _is_covered(topic, covered):
                yield topic


def _outermost(prefixes: Iterable[str]) -> list[str]:
    """These prefixes in order, without those that another one covers."""
    outermost: list[str] = []
    for prefix in sorted(set(prefixes)):
        if not outermost or not prefix.startswith(outermost[-1]):
            outermost.append(prefix)
    return outermost


def _is_covered(topic: str, prefixes: tuple[str, ...]) -> bool:
    """Whether one of these prefixes, which are in order and do not cover each other, covers the topic."""
    place = bisect_left(prefixes, topic)
    return (place < len(prefixes) and prefixes[place] == topic) or (
        place > 0 and topic.startswith(prefixes[place - 1])
    )
