"""The cache answers while it is fresh, tells types apart, and never covers a write with a slow read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.state_store.documents.document_cache import DocumentCache

pytestmark = pytest.mark.requirement("S2-6", "S2-7", "S2-8", "S2-9", "S2-18")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_an_entry_is_a_hit_until_its_time_is_over() -> None:
    clock = Clock()
    cache: DocumentCache[str] = DocumentCache(300.0, clock)
    assert cache.get("a") is None
    cache.put("a", "first", 1)
    clock.now = 299.9
    assert cache.get("a") == "first"
    clock.now = 300.0
    assert cache.get("a") is None
    found = cache.statistics("a")
    assert (found.hits, found.misses, found.is_fresh, found.age_seconds) == (1, 2, False, 300.0)


def test_types_are_kept_apart_and_cleared_apart() -> None:
    cache: DocumentCache[str] = DocumentCache(300.0, Clock())
    cache.put("a", "a", 1)
    cache.put("b", "b", 1)
    cache.clear("a")
    cache.clear("never heard of")
    assert (cache.get("a"), cache.get("b")) == (None, "b")
    cache.clear()
    assert cache.get("b") is None


def test_a_write_is_read_at_once_and_its_time_begins_again() -> None:
    clock = Clock()
    cache: DocumentCache[str] = DocumentCache(10.0, clock)
    cache.put("a", "first", 1)
    clock.now = 9.0
    cache.put("a", "second", 2)
    clock.now = 18.0
    assert cache.get("a") == "second"


def test_no_time_to_live_is_no_cache() -> None:
    cache: DocumentCache[str] = DocumentCache(0.0, Clock())
    cache.put("a", "a", 1)
    assert cache.get("a") is None


def test_after_a_document_is_put_aside_an_older_one_counts_again() -> None:
    cache: DocumentCache[str] = DocumentCache(10.0, Clock())
    cache.put("a", "newer", 9)
    cache.forget("a")
    cache.put("a", "from a backup", 3)
    assert cache.get("a") == "from a backup"


@given(st.lists(st.integers(1, 20)))
def test_a_slow_read_never_covers_a_later_write(revisions: list[int]) -> None:
    cache: DocumentCache[int] = DocumentCache(10.0, Clock())
    for revision in revisions:
        cache.put("a", revision, revision)
        assert cache.get("a") == max(revisions[: revisions.index(revision) + 1] + [cache.get("a") or 0])
    if revisions:
        assert cache.get("a") == max(revisions)
