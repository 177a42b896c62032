"""Counts what connections send before anybody knows whose they are.

ZeroMQ hands a message on when it is complete, and limits the size of frames but not their number: frames
without an end fill the memory unseen. So the kernel is asked, whenever something has arrived on such a
connection, how much waits in it. It says so to Linux programs; elsewhere nothing is counted.
"""

from __future__ import annotations

import contextlib
import select
import sys
from typing import Any, Final

from bus.transport.sockets.descriptors import arrived_bytes

IS_POSSIBLE: Final = sys.platform == "linux"


class StrangerWatch:
    """Watches connections of one socket by their descriptors, whose owner is ZeroMQ.

    Attributes:
        excessive: descriptors of those that sent too much, until they end or are watched no longer.
    """

    def __init__(self, limit_bytes: int, total_limit_bytes: int) -> None:
        """Begin without connections.

        Args:
            limit_bytes: what one may send while it is watched.
            total_limit_bytes: what all together may send; then those that sent most are excessive.
        """
        self.excessive: set[int] = set()
        self._limit_bytes = limit_bytes
        self._total_limit_bytes = total_limit_bytes
        self._arrived: dict[int, int] = {}
        self._total_bytes = 0
        self._poll: Any = select.epoll() if IS_POSSIBLE else None  # type: ignore[attr-defined, unused-ignore]

    def fileno(self) -> int:
        """The descriptor that shows that something has arrived; -1: nothing is watched here."""
        return -1 if self._poll is None else int(self._poll.fileno())

    def __contains__(self, descriptor: int) -> bool:
        return descriptor in self._arrived

    def begin(self, descriptor: int) -> None:
        """Watch a connection from now on."""
        if self._poll is None:
            return
        self.end(descriptor)
        with contextlib.suppress(OSError):  # it has ended meanwhile
            self._poll.register(descriptor, select.EPOLLIN | select.EPOLLET)  # type: ignore[attr-defined, unused-ignore]
            self._arrived[descriptor] = 0

    def end(self, descriptor: int) -> None:
        """Watch a connection no longer: it has ended, or its peer is admitted."""
        self.excessive.discard(descriptor)
        arrived_bytes = self._arrived.pop(descriptor, None)
        if arrived_bytes is not None:
            self._total_bytes -= arrived_bytes
            with contextlib.suppress(OSError):  # it has ended
                self._poll.unregister(descriptor)

    def look(self) -> None:
        """Count what has arrived since the last look."""
        for descriptor, _ in self._poll.poll(0) if self._poll is not None else ():
            former_bytes = self._arrived.get(descriptor)
            if former_bytes is not None:
                self._count(descriptor, former_bytes, arrived_bytes(descriptor, former_bytes))

    def _count(self, descriptor: int, former_bytes: int, found_bytes: int) -> None:
        self._arrived[descriptor] = found_bytes
        self._total_bytes += found_bytes - former_bytes
        if found_bytes > self._limit_bytes:
            self.excessive.add(descriptor)
        elif self._total_bytes > self._total_limit_bytes:
            self.excessive.add(max(self._arrived, key=self._arrived.__getitem__))

    def close(self) -> None:
        """Watch nothing any more."""
        if self._poll is not None:
            self._poll.close()
