"""Finds the connections that fill the memory with a message that never ends.

ZeroMQ keeps the frames of a message until the last one has come, and sets no limit to them. So each peer is
watched for the moment in which it begins to send. If no message of it is complete a little later, while the
memory of this process has grown by more than any message may hold, it is cut off.
"""

from __future__ import annotations

import contextlib
import os
import select
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from bus.transport.sockets.stranger_watch import IS_POSSIBLE
from bus.wire import BODY_LIMIT_BYTES

GROWTH_LIMIT_BYTES: Final = 3 * BODY_LIMIT_BYTES
"""By how much the memory may grow while a message is unfinished."""

PATIENCE_SECONDS: Final = 0.1
LOOK_SECONDS: Final = 0.05
LOOK_ON_SECONDS: Final = 1.0
"""So long looks go on after something has arrived: until the next `arm`, at least."""

_STATM: Final = Path("/proc/self/statm")


def resident_bytes() -> int:
    """Memory of this process, as Linux counts it."""
    return int(_STATM.read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class UnfinishedMessages:
    """Watches connections by their descriptors, whose owner is ZeroMQ. Only Linux can.

    Attributes:
        begun: who has begun to send, while no message has come of it: when, and the memory at that time.
    """

    def __init__(self) -> None:
        self.begun: dict[int, tuple[float, int]] = {}
        self._look_until = 0.0
        self._poll: Any = select.epoll() if IS_POSSIBLE else None  # type: ignore[attr-defined, unused-ignore]

    def fileno(self) -> int:
        """The descriptor that shows that somebody has begun; -1: nothing is watched here."""
        return -1 if self._poll is None else int(self._poll.fileno())

    def arm(self, descriptors: Iterable[int]) -> None:
        """Notice, once, when something arrives on these connections."""
        if self._poll is None:
            return
        once = select.EPOLLIN | select.EPOLLONESHOT  # type: ignore[attr-defined, unused-ignore]
        for descriptor in descriptors:
            with contextlib.suppress(OSError, ValueError):  # it has ended meanwhile
                try:
                    self._poll.modify(descriptor, once)
                except FileNotFoundError:
                    self._poll.register(descriptor, once)

    def note(self, now: float) -> None:
        """Note who has begun to send."""
        if self._poll is not None and (begun := self._poll.poll(0)):
            self._look_until = now + LOOK_ON_SECONDS
            since = now, resident_bytes()
            for descriptor, _ in begun:
                self.begun.setdefault(descriptor, since)

    def finished(self, descriptor: int) -> None:
        """A message of this connection is complete, or the connection has ended."""
        self.begun.pop(descriptor, None)

    def next_due(self, now: float) -> float:
        """When to look again."""
        return now + LOOK_SECONDS if self.begun and now < self._look_until else float("inf")

    def overdue(self, now: float, found_bytes: int) -> list[int]:
        """The connections to be cut off; they are watched no longer.

        Args:
            now: the time.
            found_bytes: memory of this process.
        """
        found = [
            descriptor
            for descriptor, (at, former_bytes) in self.begun.items()
            if now - at >= PATIENCE_SECONDS and found_bytes - former_bytes > GROWTH_LIMIT_BYTES
        ]
        for descriptor in found:
            del self.begun[descriptor]
        return found

    def close(self) -> None:
        """Watch nothing any more."""
        if self._poll is not None:
            self._poll.close()
