"""Ends connections that send more than they may: strangers, subscribers, messages without an end."""

from __future__ import annotations

import time
from collections.abc import Collection, Set
from typing import Final

from bus.transport.sockets.descriptors import end_connection
from bus.transport.sockets.stranger_watch import StrangerWatch
from bus.transport.sockets.unfinished_messages import UnfinishedMessages, resident_bytes

STRANGER_LIMIT_BYTES: Final = 64 * 1024
"""What a connection of the lane may send until it is admitted: a HELLO has some hundred bytes."""

SUBSCRIBER_LIMIT_BYTES: Final = 256 * 1024
"""What a connection of the feed may send in all: 2,000 subscriptions of the longest topics."""

TOTAL_LIMIT_BYTES: Final = 1024 * 1024
"""What all strangers, or all subscribers, may send. A subscription takes forty times its length in memory."""


class ConnectionGuard:
    """Knows by their descriptors who is watched for what.

    Attributes:
        unfinished: messages of peers that have begun to come in.
    """

    def __init__(self) -> None:
        self.unfinished = UnfinishedMessages()
        self._strangers = StrangerWatch(STRANGER_LIMIT_BYTES, TOTAL_LIMIT_BYTES)
        self._subscribers = StrangerWatch(SUBSCRIBER_LIMIT_BYTES, TOTAL_LIMIT_BYTES)

    def filenos(self) -> list[int]:
        """The descriptors that show that there is something to look at; none where nothing can be watched."""
        watches = (self._strangers, self._subscribers, self.unfinished)
        return [watch.fileno() for watch in watches if watch.fileno() >= 0]

    def opened(self, descriptor: int, *, is_lane: bool) -> None:
        """A connection was accepted, by the lane or by the feed."""
        (self._strangers if is_lane else self._subscribers).begin(descriptor)

    def closed(self, descriptor: int, *, is_lane: bool) -> None:
        """A connection ended."""
        (self._strangers if is_lane else self._subscribers).end(descriptor)
        if is_lane:
            self.unfinished.finished(descriptor)

    def admit(self, descriptor: int) -> None:
        """The peer of a connection was admitted: it may send as many messages as it likes."""
        self._strangers.end(descriptor)
        self.unfinished.arm([descriptor])

    def tend(self, strangers: Collection[int], admitted: Collection[int]) -> None:
        """Take note of who belongs to a peer on the lane and who does not, or no longer."""
        for descriptor in strangers:
            if descriptor not in self._strangers:
                self._strangers.begin(descriptor)
        self.unfinished.arm(admitted)

    def look(self, ready: Set[object]) -> bool:
        """Count what has arrived, where these descriptors say so; returns whether somebody sent too much."""
        if self.unfinished.fileno() in ready:
            self.unfinished.note(time.monotonic())
        is_excessive = False
        for watch in (self._strangers, self._subscribers):
            if watch.fileno() in ready:
                watch.look()
                is_excessive = is_excessive or bool(watch.excessive)
        return is_excessive

    def cut_excessive(self, admitted: Collection[int]) -> None:
        """End the connections that sent too much, except those that were admitted meanwhile."""
        for descriptor in admitted:
            self._strangers.end(descriptor)
        for watch in (self._strangers, self._subscribers):
            for descriptor in list(watch.excessive):
                end_connection(descriptor)
                watch.end(descriptor)

    def cut_unfinished(self, now: float) -> None:
        """End the connections that fill the memory with a message that does not end."""
        if self.unfinished.begun:
            for descriptor in self.unfinished.overdue(now, resident_bytes()):
                end_connection(descriptor)

    def close(self) -> None:
        """Watch nothing any more."""
        for watch in (self._strangers, self._subscribers, self.unfinished):
            watch.close()
