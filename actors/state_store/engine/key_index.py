"""The keys in memory: found at the start from file names alone, listed by prefix without opening a file."""

from __future__ import annotations

import bisect
import threading
from collections.abc import Iterable
from dataclasses import dataclass

from actors.state_store.engine.key_paths import namespace_of


@dataclass(slots=True)
class KeyEntry:
    """What is known of a key without opening its file.

    Attributes:
        size_bytes: size of the file.
        revision: 0 until the file was looked into.
        is_encrypted: whether the value is encrypted; known together with the revision.
        newer: why the value cannot be replaced, if a later version wrote it; empty if it can.
        is_older: the value fits an earlier version of its schema.
    """

    size_bytes: int
    revision: int = 0
    is_encrypted: bool = False
    newer: str = ""
    is_older: bool = False


@dataclass(slots=True)
class NamespaceTotals:
    """Number and size of the keys of a namespace."""

    keys: int = 0
    size_bytes: int = 0


class KeyIndex:
    """All keys. Safe for several threads."""

    def __init__(self, entries: Iterable[tuple[str, KeyEntry]] = ()) -> None:
        self._lock = threading.RLock()
        self._entries: dict[str, KeyEntry] = {}
        self._sorted: list[str] | None = None
        self._totals: dict[str, NamespaceTotals] = {}
        self.refill(entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    def refill(self, entries: Iterable[tuple[str, KeyEntry]]) -> None:
        """Replace all keys in one step: readers see the earlier keys or these."""
        found = dict(entries)
        with self._lock:
            self._entries, self._sorted, self._totals = found, None, {}
            for key, entry in found.items():
                self._count(key, 1, entry.size_bytes)

    def get(self, key: str) -> KeyEntry | None:
        """What is known of a key; None if it does not exist."""
        return self._entries.get(key)

    def snapshot(self) -> dict[str, KeyEntry]:
        """All keys as they are now. A key that changes later has another entry, compared by identity."""
        with self._lock:
            return dict(self._entries)

    def put(self, key: str, entry: KeyEntry) -> None:
        """Add or replace a key."""
        with self._lock:
            before = self._entries.get(key)
            self._count(key, 0 if before else 1, entry.size_bytes - (before.size_bytes if before else 0))
            self._entries[key] = entry
            if before is None and self._sorted is not None:
                bisect.insort(self._sorted, key)

    def drop(self, key: str) -> None:
        """Remove a key, if it exists."""
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
        """One page of the keys of these namespaces, in order, with their sizes.

        Args:
            prefix: how the keys begin.
            after: only keys behind this one.
            limit: length of the page.
            namespaces: names of the namespaces to look into.

        Returns:
            The page, the number of keys with the prefix on all pages, and whether more follow.
        """
        with self._lock:
            names = self._in_order()
            found: list[tuple[str, int]] = []
            total, more = 0, False
            for namespace in sorted(namespaces):
                low, high = _prefix_range(names, prefix, f"{namespace}.")
                total += high - low
                start = max(low, bisect.bisect_right(names, after))
                left = limit - len(found)
                found += [
                    (key, self._entries[key].size_bytes) for key in names[start : min(high, start + left)]
                ]
                more = more or high - start > left
            return found, total, more

    def totals(self, namespace: str) -> NamespaceTotals:
        """Number and size of the keys of one namespace."""
        with self._lock:
            found = self._totals.get(namespace, NamespaceTotals())
            return NamespaceTotals(found.keys, found.size_bytes)

    @property
    def size_bytes(self) -> int:
        """Size of all keys on disk."""
        with self._lock:
            return sum(totals.size_bytes for totals in self._totals.values())

    def _in_order(self) -> list[str]:
        if self._sorted is None:
            self._sorted = sorted(self._entries)
        return self._sorted

    def _count(self, key: str, keys: int, size_bytes: int) -> None:
        totals = self._totals.setdefault(namespace_of(key), NamespaceTotals())
        totals.keys += keys
        totals.size_bytes += size_bytes


def _prefix_range(names: list[str], *prefixes: str) -> tuple[int, int]:
    """The range of the names that begin with all of these prefixes."""
    longest = max(prefixes, key=len)
    if not all(longest.startswith(prefix) for prefix in prefixes):
        return 0, 0
    low = bisect.bisect_left(names, longest)
    return low, bisect.bisect_right(names, longest + "\U0010ffff", low)
