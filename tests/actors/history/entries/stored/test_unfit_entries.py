"""What does not fit is kept by segment, until it was removed, replaced or put aside."""

from __future__ import annotations

from actors.history.entries.stored.stored_entry import UnfitEntry
from actors.history.entries.stored.unfit_entries import UnfitEntries


def unfit(name: str) -> UnfitEntry:
    return UnfitEntry(name, b"{}", "too long")


def test_what_was_removed_later_is_not_put_aside() -> None:
    found = UnfitEntries()
    found.add(2, [unfit("a"), unfit("b")])
    found.add(1, [unfit("c")])
    found.add(3, [])
    assert found.numbers == [1, 2]
    assert found.forget(["a", "c", "z"]) == {1, 2}
    assert (found.numbers, found.of(2), found.of(1)) == ([2], [unfit("b")], [])


def test_what_was_put_aside_is_forgotten() -> None:
    found = UnfitEntries()
    found.add(2, [unfit("a")])
    found.drop([2, 5])
    assert found.numbers == []
    found.add(2, [unfit("a")])
    found.clear()
    assert found.of(2) == []
