"""A run of events at its place in the order. Pure."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from bus.wire import Frame

FeedMessage: TypeAlias = tuple[Frame, Frame, Frame]
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
