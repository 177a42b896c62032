"""Counts connections, and decides when no more are let in. Pure.

When the system gives out no more descriptors, the listener of ZeroMQ ends the process. So the broker stops
listening well before, and listens again when there is room.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

PEER_LIMIT: Final = 4096
"""Most peers that are admitted, however many descriptors there are."""

NARROW_LIMIT: Final = 4096
"""Below this limit of descriptors every connection is looked at as it comes."""

OWN_DESCRIPTORS: Final = 48
"""More than the broker needs besides its connections."""

EVENT_SLACK: Final = 2048
"""More connections than the monitors of both sockets can be behind: they hold 1001 events each."""

PATIENCE_SECONDS: Final = 5.0
"""How long a connection may take to say HELLO."""


class ConnectionCensus:
    """Knows the connections of both sockets by their descriptors.

    Attributes:
        is_narrow: there are so few descriptors that every connection counts.
        is_crowded: nobody else is let in.
        crowded_at: from so many connections on.
        roomy_below: until there are fewer than this.
        peer_limit: most peers that are to be admitted.
    """

    def __init__(self, descriptor_limit: int) -> None:
        self.is_narrow = descriptor_limit < NARROW_LIMIT
        self.is_crowded = False
        if self.is_narrow:
            self.crowded_at = max(
                2, min(descriptor_limit // 2, (descriptor_limit - OWN_DESCRIPTORS) * 2 // 3)
            )
        else:
            self.crowded_at = min(descriptor_limit * 3 // 4, descriptor_limit - EVENT_SLACK)
        self.roomy_below = max(1, self.crowded_at * 2 // 3)
        self.peer_limit = min(PEER_LIMIT, descriptor_limit // 4, self.crowded_at // 2)
        self._opened_at: dict[int, float] = {}

    def __len__(self) -> int:
        return len(self._opened_at)

    def opened(self, descriptor: int, now: float) -> None:
        """A connection was accepted."""
        self._opened_at[descriptor] = now
        if len(self) >= self.crowded_at:
            self.is_crowded = True

    def closed(self, descriptor: int) -> None:
        """A connection ended."""
        self._opened_at.pop(descriptor, None)
        if len(self) < self.roomy_below:
            self.is_crowded = False

    def overdue(self, strangers: Iterable[int], now: float) -> list[int]:
        """Those of these connections that have had their time.

        Args:
            strangers: connections that belong to no peer.
            now: the time.
        """
        opened_at = self._opened_at
        return [
            descriptor
            for descriptor in strangers
            if descriptor in opened_at and now - opened_at[descriptor] >= PATIENCE_SECONDS
        ]
