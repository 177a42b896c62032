"""Finds the connections at whose other end nobody reads. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

STALLED_SECONDS: Final = 5.0
"""A reader that takes nothing for this time, while others wait for it, is cut off."""


class StalledReaders:
    """Compares what the system still holds for each connection from one look to the next."""

    def __init__(self) -> None:
        self._since: dict[int, tuple[int, float]] = {}

    def find(self, unread: Mapping[int, int], now: float) -> list[int]:
        """The connections for which the same number of bytes has been waiting all the time.

        Args:
            unread: descriptor to bytes that the system could not hand over yet.
            now: the time.
        """
        former, self._since = self._since, {}
        for descriptor, size_bytes in unread.items():
            if size_bytes:
                known = former.get(descriptor)
                since = known[1] if known is not None and known[0] == size_bytes else now
                self._since[descriptor] = (size_bytes, since)
        return [
            descriptor for descriptor, (_, since) in self._since.items() if now - since >= STALLED_SECONDS
        ]

    def forget(self) -> None:
        """Nobody waits any more."""
        self._since.clear()
