"""Which keys there are, in memory: found at the start by their names alone, listed by prefix without opening a file."""

from __future__ import annotations

import bisect
import threading
from collections.abc import Iterable
from dataclasses import dataclass

from actors.state_store.engine.key_paths import namespace_of


@dataclass(slots=True)
class Entry:
    """What is known of a key without opening its file.

    Attributes:
        size_bytes: what it takes on disk.
        revision: 0 while its file has not been looked into.
        is_encrypted: whether its value is encrypted; known with the revision.
        newer: why it cannot be replaced, as a later version wrote it; empty if it can.
        is_older: its value fits a former version of its schema.
    """

    size_bytes: int
    revision: int = 0
    is_encrypted: bool = False
    newer: str = ""
    is_older: bool = False


@dataclass(slots=True)
class Totals:
    """How much the keys of a namespace take."""

    keys: int = 0
    size_bytes: int = 0


class Index:
    """All keys; safe to use from several threads."""

    def __init__(self, entries: Iterable[tuple[str, Entry]] = ()) -> None:
        self._lock = threading.RLock()
        self._entries = dict(entries)
        self._sorted: list[str] | None = None
        self._totals: dict[str, Totals] = {}
        for key, entry in self._entries.items():
            self._count(key, 1, entry.size_bytes)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    def get(self, key: str) -> Entry | None:
        """What is known of a key; None if there is none."""
        return self._entries.get(key)

    def snapshot(self) -> dict[str, Entry]:
        """All keys as they are now. What changes meanwhile has another entry, by identity, or none."""
        with self._lock:
            return dict(self._entries)

    def put(self, key: str, entry: Entry) -> None:
        """There is such a key."""
        with self._lock:
            before = self._entries.get(key)
            self._count(key, 0 if before else 1, entry.size_bytes - (before.size_bytes if before else 0))
            self._entries[key] = entry
            if before is None and self._sorted is not None:
                bisect.insort(self._sorted, key)

    def drop(self, key: str) -> None:
        """There is no such key any more."""
        with self._lock:
            before = self._entries.pop(key, None)
            if before is None:
                return
            self._count(key, -1, -before.size_bytes)
            if self._sorted is not None:
                del self._sorted[bisect.bisect_left(self._sorted, key)]

    def page(
        self, prefix: str, after: str, limit: int, namespaces: Iterable[str]
    ) -> tuple[list[tuple[str, int]], int, bool]:
        """Keys with their sizes, in order, that begin with the prefix and come after `after`, of these namespaces.

        Returns at most `limit` of them, how many there are with the prefix in all, and whether more follow.
        """
        with self._lock:
            names = self._in_order()
            found: list[tuple[str, int]] = []
            total, more = 0, False
            for namespace in sorted(namespaces):
                low, high = _range(names, prefix, f"{namespace}.")
                total += high - low
                start = max(low, bisect.bisect_right(names, after))
                room = limit - len(found)
                found += [
                    (key, self._entries[key].size_bytes) for key in names[start : min(high, start + room)]
                ]
                more = more or high - start > room
            return found, total, more

    def totals(self, namespace: str) -> Totals:
        """How much a namespace takes."""
        with self._lock:
            found = self._totals.get(namespace, Totals())
            return Totals(found.keys, found.size_bytes)

    @property
    def size_bytes(self) -> int:
        """What all keys take on disk."""
        with self._lock:
            return sum(totals.size_bytes for totals in self._totals.values())

    def _in_order(self) -> list[str]:
        if self._sorted is None:
            self._sorted = sorted(self._entries)
        return self._sorted

    def _count(self, key: str, keys: int, size_bytes: int) -> None:
        totals = self._totals.setdefault(namespace_of(key), Totals())
        totals.keys += keys
        totals.size_bytes += size_bytes


def _range(names: list[str], *prefixes: str) -> tuple[int, int]:
    """Where the names lie that begin with all of these prefixes."""
    longest = max(prefixes, key=len)
    if not all(longest.startswith(prefix) for prefix in prefixes):
        return 0, 0
    low = bisect.bisect_left(names, longest)
    return low, bisect.bisect_right(names, longest + "\U0010ffff", low)
