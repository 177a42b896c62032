"""How many bytes wait in the queues of slow peers, as far as ZeroMQ lets it be known. Pure.

ZeroMQ counts messages, not bytes, and does not say what a queue holds. It does say when it has given up one
frame that was sent with a tracker. A queue is in order, so such a mark also stands for what went before it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final, Protocol

COUNTED_BYTES: Final = 8 * 1024
"""Smaller messages do not count: the limit of messages bounds them."""

MARK_BYTES: Final = 256 * 1024
"""After so many bytes without a mark, the next counted message is marked."""


class Tracker(Protocol):
    """Tells whether ZeroMQ has given up a frame."""

    @property
    def done(self) -> bool:
        """Whether it has."""
        ...


@dataclass(slots=True)
class MarkedQueue:
    """One queue.

    Attributes:
        size_bytes: what was sent and is not given up yet.
        unmarked_bytes: the part of it that no mark stands for.
        marks: trackers in order, and the bytes that each stands for.
    """

    size_bytes: int = 0
    unmarked_bytes: int = 0
    marks: deque[tuple[Tracker, int]] = field(default_factory=deque)


class UnsentBytes:
    """Counts for each queue, which is a connection of the lane or a topic of the feed.

    Attributes:
        size_bytes: what waits in all queues, at most; settling makes it exact but for a mark's worth each.
        released_bytes: what was given up since somebody set the count to 0.
    """

    def __init__(self) -> None:
        self.size_bytes = 0
        self.released_bytes = 0
        self._queues: dict[bytes, MarkedQueue] = {}

    def fits(self, size_bytes: int, limit_bytes: int) -> bool:
        """Whether all queues together can take a message of this size."""
        if self.size_bytes + size_bytes > limit_bytes:
            self.settle()
        return self.size_bytes + size_bytes <= limit_bytes

    def of(self, name: bytes) -> int:
        """What waits in one queue."""
        queue = self._queues.get(name)
        if queue is None:
            return 0
        self._settle(name, queue)
        return queue.size_bytes

    def settle(self) -> None:
        """Look which marks were given up."""
        for name, queue in list(self._queues.items()):
            self._settle(name, queue)

    def needs_mark(self, name: bytes, size_bytes: int) -> bool:
        """Whether a message of this size is to be marked."""
        queue = self._queues.get(name)
        return queue is None or not queue.marks or size_bytes + queue.unmarked_bytes >= MARK_BYTES

    def add(self, name: bytes, size_bytes: int, mark: Tracker | None) -> None:
        """A message was sent."""
        queue = self._queues.get(name)
        if queue is None:
            queue = self._queues[name] = MarkedQueue()
        self.size_bytes += size_bytes
        queue.size_bytes += size_bytes
        queue.unmarked_bytes += size_bytes
        if mark is not None:
            queue.marks.append((mark, queue.unmarked_bytes))
            queue.unmarked_bytes = 0

    def forget(self, name: bytes) -> None:
        """A queue is gone, with all that waited in it."""
        queue = self._queues.pop(name, None)
        if queue is not None:
            self._release(queue, queue.size_bytes)

    def _settle(self, name: bytes, queue: MarkedQueue) -> None:
        marks = queue.marks
        while marks and marks[0][0].done:
            self._release(queue, marks.popleft()[1])
        if not marks:
            self._release(queue, queue.size_bytes)  # what came behind the last mark is on its way
            del self._queues[name]

    def _release(self, queue: MarkedQueue, size_bytes: int) -> None:
        queue.size_bytes -= size_bytes
        self.size_bytes -= size_bytes
        self.released_bytes += size_bytes
