"""Knows when a subscriber says how far it has come, so that a publisher learns that it is too fast. Pure."""

from __future__ import annotations

from typing import Final

REPORT_EVENTS: Final = 8192
"""A subscriber says how far it has come each time that it has handed on so many events of a topic."""


class HeardReport:
    """How far the subscriptions of one client have handed on the events of each topic."""

    def __init__(self) -> None:
        self._epoch = ""
        self._numbers: dict[str, dict[int, int]] = {}
        self._said: dict[str, int] = {}

    def handed_on(self, subscription: int, topic: str, epoch: str, number: int) -> int | None:
        """A subscription has handed on the event of this number; returns what to report, if that is due."""
        if epoch != self._epoch:
            self._epoch = epoch
            self._numbers.clear()
            self._said.clear()
        numbers = self._numbers.setdefault(topic, {})
        numbers[subscription] = number
        said = self._said.setdefault(topic, number - 1)
        if number - said < REPORT_EVENTS or (slowest := min(numbers.values())) - said < REPORT_EVENTS:
            return None
        self._said[topic] = slowest
        return slowest

    def closed(self, subscription: int) -> None:
        """A subscription ended; it holds back no report any more."""
        for numbers in self._numbers.values():
            numbers.pop(subscription, None)
