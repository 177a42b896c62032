"""What was read a while ago: one entry for each type, good for a time, never older than what was written since. Pure but for its lock."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

ItemT = TypeVar("ItemT")


@dataclass(frozen=True)
class CacheStatistics:
    """How the cache of one type does.

    Attributes:
        is_fresh: a read would be answered from it now.
        age_seconds: since it was read or written; 0 without an entry.
    """

    is_fresh: bool
    age_seconds: float
    hits: int
    misses: int


@dataclass
class _Slot(Generic[ItemT]):
    item: ItemT | None = None
    revision: int = 0
    at: float = 0.0
    hits: int = 0
    misses: int = 0


class Cache(Generic[ItemT]):
    """Entries by name, safe to use from several threads."""

    def __init__(self, ttl_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Args: ttl_seconds: for so long an entry counts; 0 switches the cache off. clock: seconds, never set back."""
        self.ttl_seconds = ttl_seconds
        self._clock = clock
        self._slots: dict[str, _Slot[ItemT]] = {}
        self._lock = threading.Lock()

    def get(self, name: str) -> ItemT | None:
        """The entry, while it is fresh. Counts a hit or a miss."""
        with self._lock:
            slot = self._slots.setdefault(name, _Slot())
            if slot.item is not None and self._clock() - slot.at < self.ttl_seconds:
                slot.hits += 1
                return slot.item
            slot.misses += 1
            return None

    def put(self, name: str, item: ItemT, revision: int) -> None:
        """Take in what was read or written, unless a later revision was taken in before: a slow read never covers a write."""
        with self._lock:
            slot = self._slots.setdefault(name, _Slot())
            if revision >= slot.revision:
                slot.item, slot.revision, slot.at = item, revision, self._clock()

    def clear(self, name: str | None = None) -> None:
        """Forget one entry, or all."""
        with self._lock:
            for slot in (
                self._slots.values() if name is None else [self._slots[name]] if name in self._slots else []
            ):
                slot.item = None

    def forget(self, name: str) -> None:
        """The document is gone or put aside: what is read next counts, whatever its revision."""
        with self._lock:
            if name in self._slots:
                self._slots[name].item, self._slots[name].revision = None, 0

    def statistics(self, name: str) -> CacheStatistics:
        """How the cache of one type does; does not count as a read."""
        with self._lock:
            slot = self._slots.get(name, _Slot())
            age = self._clock() - slot.at if slot.item is not None else 0.0
            return CacheStatistics(
                slot.item is not None and age < self.ttl_seconds, age, slot.hits, slot.misses
            )
