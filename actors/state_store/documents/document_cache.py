"""Documents in memory: one for each type, good for a time, never older than the last write.

Pure except for its lock.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from actors.state_store.engine.revision_counter import REVISION_LIMIT

ItemT = TypeVar("ItemT")


@dataclass(frozen=True)
class CacheStatistics:
    """Use of the cache for one type.

    Attributes:
        is_fresh: a read now would be answered from memory.
        age_seconds: since it was read or written; 0 without an item.
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


class DocumentCache(Generic[ItemT]):
    """Items by name. Safe for several threads."""

    def __init__(self, ttl_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Make an empty cache.

        Args:
            ttl_seconds: how long an item counts; 0 switches the cache off.
            clock: seconds, never set back.
        """
        self.ttl_seconds = ttl_seconds
        self._clock = clock
        self._slots: dict[str, _Slot[ItemT]] = {}
        self._lock = threading.Lock()

    def get(self, name: str) -> ItemT | None:
        """The item, while it is fresh. Counts a hit or a miss."""
        with self._lock:
            slot = self._slots.setdefault(name, _Slot())
            if slot.item is not None and self._clock() - slot.at < self.ttl_seconds:
                slot.hits += 1
                return slot.item
            slot.misses += 1
            return None

    def put(self, name: str, item: ItemT, revision: int) -> None:
        """Keep an item unless a later revision is there: a slow read never hides a write.

        A revision that the store never gave, of a file that somebody else put there, hides nothing.
        """
        with self._lock:
            slot = self._slots.setdefault(name, _Slot())
            if revision >= slot.revision or slot.revision > REVISION_LIMIT:
                slot.item, slot.revision, slot.at = item, revision, self._clock()

    def clear(self, name: str | None = None) -> None:
        """Drop one item, or all."""
        with self._lock:
            names = [*self._slots] if name is None else [name]
            for slot in (self._slots[one] for one in names if one in self._slots):
                slot.item = None

    def forget(self, name: str) -> None:
        """Drop an item and its revision: the next read counts, whatever its revision."""
        with self._lock:
            if name in self._slots:
                self._slots[name].item, self._slots[name].revision = None, 0

    def statistics(self, name: str) -> CacheStatistics:
        """Use of the cache for one type; does not count as a read."""
        with self._lock:
            slot = self._slots.get(name, _Slot())
            age = self._clock() - slot.at if slot.item is not None else 0.0
            is_fresh = slot.item is not None and age < self.ttl_seconds
            return CacheStatistics(is_fresh, age, slot.hits, slot.misses)
