"""What the broker knows of one life of a publisher: which of its messages have their place. Pure."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from bus.errors import ProtocolError
from bus.wire import PublishHeader

COUNT_LIMIT: Final = 1 << 48
"""Serials and numbers end here, so that nobody can use up those of a topic at once."""

LIFE_LIMIT: Final = 4096
"""Lives of guests that are remembered while they are away, and as many of named peers."""

NUMBER_LIMIT: Final = 262_144
"""Topics by life whose next number is remembered. Beyond it, numbers only have to be possible."""


@dataclass(slots=True, eq=False)
class PublisherLife:
    """One life of a peer as a publisher.

    Attributes:
        accepted: the highest serial that has its place.
        is_settled: whether a message fixed which serial comes next. Those that are sent again after a restart
            of the broker do not: others between them are not sent again.
        next_numbers: by topic, the number that its next event has to have; negative: that it has at least.
    """

    accepted: int = 0
    is_settled: bool = False
    next_numbers: dict[str, int] = field(default_factory=dict)

    def take_next(self, publish: PublishHeader) -> bool:
        """Note a message if it is certainly the next one, as nearly all are; otherwise `check` tells."""
        first, count, topic = publish.first, publish.count, publish.topic
        if (
            publish.serial != self.accepted + 1
            or self.next_numbers.get(topic) != first
            or not count
            or publish.again
        ):
            return False
        self.accepted += 1
        self.next_numbers[topic] = first + count
        return True

    def check(self, publish: PublishHeader) -> None:
        """Check that a message which is no duplicate is the next one.

        Raises:
            ProtocolError: reason `leap`.
        """
        serial, first = publish.serial, publish.first
        if self.is_settled and not publish.again and serial != self.accepted + 1:
            raise ProtocolError("leap", f"found serial {serial}; expected {self.accepted + 1}")
        if max(serial, first + publish.count) > COUNT_LIMIT:
            raise ProtocolError("leap", f"serial {serial}, number {first}; expected at most {COUNT_LIMIT}")
        due = self.next_numbers.get(publish.topic, 0)
        if not publish.count or not due:
            return
        if due > 0 and not publish.again and first != due:
            raise ProtocolError("leap", f"{publish.topic}: found number {first}; expected {due}")
        if first < abs(due):
            raise ProtocolError(
                "leap",
                f"{publish.topic}: found number {first}; expected at least {abs(due)}",
            )

    def skip(self) -> None:
        """The next message came, and could not be read: nobody knows which numbers it had."""
        self.accepted += 1
        self.next_numbers = {topic: -abs(number) for topic, number in self.next_numbers.items()}


class LivesOfPublishers:
    """The lives that are remembered, by name and instance: an instance proves nothing for another name."""

    def __init__(self) -> None:
        self._away_guests: OrderedDict[tuple[str, str], PublisherLife] = OrderedDict()
        self._away_named: OrderedDict[tuple[str, str], PublisherLife] = OrderedDict()
        self._number_count = 0

    def __len__(self) -> int:
        return len(self._away_guests) + len(self._away_named)

    def join(self, name: str, instance: str) -> PublisherLife:
        """The life of a peer that is admitted: one that was away, or a new one."""
        key = (name, instance)
        return self._away_named.pop(key, None) or self._away_guests.pop(key, None) or PublisherLife()

    def leave(self, name: str, instance: str, life: PublisherLife, *, is_guest: bool) -> None:
        """A peer left. Its life is remembered, until there are too many."""
        away = self._away_guests if is_guest else self._away_named
        away[(name, instance)] = life
        if len(away) > LIFE_LIMIT:
            _, forgotten = away.popitem(last=False)
            self._number_count -= len(forgotten.next_numbers)

    def note(self, life: PublisherLife, publish: PublishHeader, *, is_topic_kept: bool) -> None:
        """A message was accepted, or refused for good: the next one comes after it.

        Args:
            life: that of its publisher.
            publish: the message.
            is_topic_kept: whether its topic is remembered even if it is new to this life.
        """
        life.accepted = publish.serial
        if not publish.again:
            life.is_settled = True
        if not publish.count:
            return
        if publish.topic not in life.next_numbers:
            if not is_topic_kept or self._number_count >= NUMBER_LIMIT:
                return
            self._number_count += 1
        following = publish.first + publish.count
        life.next_numbers[publish.topic] = -following if publish.again else following
