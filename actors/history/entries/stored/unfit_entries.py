"""What lies in the segments and is no entry of today, kept apart until it has a file of its own. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from actors.history.entries.stored.stored_entry import UnfitEntry


class UnfitEntries:
    """What does not fit, by the number of its segment."""

    def __init__(self) -> None:
        self._found: dict[int, list[UnfitEntry]] = {}

    @property
    def numbers(self) -> list[int]:
        """Of the segments with something unfit in them, oldest first."""
        return sorted(self._found)

    def add(self, number: int, unfit: Iterable[UnfitEntry]) -> None:
        """Note what was found in a segment."""
        if found := list(unfit):
            self._found.setdefault(number, []).extend(found)

    def forget(self, ids: Iterable[str]) -> set[int]:
        """Drop what was removed or replaced later; returns the segments that have it still."""
        gone = set(ids)
        if not self._found or not gone:
            return set()
        had = {number for number, found in self._found.items() if any(one.id in gone for one in found)}
        for number in had:
            kept = [one for one in self._found[number] if one.id not in gone]
            self.drop([number])
            self.add(number, kept)
        return had

    def drop(self, numbers: Iterable[int]) -> None:
        """Forget what was found in these segments."""
        for number in numbers:
            self._found.pop(number, None)

    def clear(self) -> None:
        """Forget everything."""
        self._found.clear()

    def of(self, number: int) -> list[UnfitEntry]:
        """What was found in a segment."""
        return self._found.get(number, [])
