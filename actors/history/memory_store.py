"""The history in memory: nothing of it touches a disk, and the broker's copy outlives the actor."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from actors.history.memory_ring import Placed, Ring, totals
from schemas.event import Event
from schemas.history import (
    ConversationTotals,
    HistoryChangedEvent,
    HistoryEntry,
    HistoryExportRequestEvent,
    HistoryFoundEvent,
    HistoryPageEvent,
    HistoryQueryRequestEvent,
    HistorySearchRequestEvent,
    HistoryStatusEvent,
    Storage,
)


class MemoryStore:
    """Keeps the newest entries, and tells what becomes of each place.

    What is posted goes to the broker by the same socket as the answer that follows, and before it: whoever
    has the answer can rely on the broker's copy.
    """

    storage: Final[Storage] = "memory"

    def __init__(self, limit: int, post: Callable[[Event], None]) -> None:
        self._ring = Ring(limit)
        self._post = post

    def restore(self, changes: Iterable[HistoryChangedEvent]) -> None:
        """Take up what a former life told of each place."""
        places = [Placed(int(change.slot), change.entry) for change in changes if change.slot.isdecimal()]
        self._ring, told = Ring.restored(self._ring.limit, places)
        self._tell("removed", told)

    def resize(self, limit: int) -> None:
        """Hold at most so many from now on."""
        if limit != self._ring.limit:
            self._tell("removed", self._ring.resize(limit))

    async def append(self, entry: HistoryEntry) -> HistoryEntry:
        """Keep an entry; one with a known id is not kept twice."""
        known = self._ring.get(entry.id)
        if known is not None:
            return known
        self._tell("added", self._ring.append(entry))
        return entry

    async def edit(self, identity: str, text: str, now: float) -> HistoryEntry | None:
        """Give an entry another text; None if there is no such entry."""
        self._tell("edited", self._ring.edit(identity, text, now))
        return self._ring.get(identity)

    async def remove(self, ids: Iterable[str], *, dry_run: bool) -> int:
        """Take entries out; how many there were."""
        found = [identity for identity in dict.fromkeys(ids) if self._ring.get(identity)]
        if not dry_run:
            self._tell("removed", self._ring.remove(found))
        return len(found)

    async def clear(self, before: float | None, *, dry_run: bool) -> int:
        """Take out all entries, or those before a moment; how many there were."""
        found = [entry.id for entry in self._ring if before is None or entry.at < before]
        if not dry_run:
            self._tell("cleared", self._ring.remove(found))
        return len(found)

    async def page(self, question: HistoryQueryRequestEvent) -> HistoryPageEvent:
        """Entries that fit a question, newest first."""
        return self._ring.page(question)

    async def search(self, question: HistorySearchRequestEvent) -> HistoryFoundEvent:
        """Entries that hold all the words, newest first."""
        hits = self._ring.search(question.words, question.before, question.limit)
        page = hits[: question.limit]
        return HistoryFoundEvent(hits=page, next_before=page[-1].entry.id if len(hits) > len(page) else "")

    async def oldest_first(self, question: HistoryExportRequestEvent) -> tuple[list[HistoryEntry], bool]:
        """The next entries to export, and whether more follow."""
        fitting = [
            entry
            for entry in self._ring
            if entry.id > question.after
            and (question.since is None or entry.at >= question.since)
            and (question.until is None or entry.at < question.until)
            and (not question.conversation_id or entry.conversation_id == question.conversation_id)
        ]
        return fitting[: question.limit], len(fitting) > question.limit

    async def conversations(self) -> list[ConversationTotals]:
        """Conversations in numbers, the one that was spoken in last first."""
        return totals(self._ring)

    async def sizes(self) -> list[tuple[str, float, int]]:
        """Id, time and size in bytes of each entry, newest first."""
        return [(entry.id, entry.at, len(entry.text.encode())) for entry in self._ring.newest_first()]

    def entries(self) -> list[HistoryEntry]:
        """All entries, oldest first."""
        return list(self._ring)

    def status(self) -> HistoryStatusEvent:
        """How much there is."""
        return HistoryStatusEvent(
            mode="memory",
            storage="memory",
            notice="",
            entries=len(self._ring),
            size_bytes=self._ring.size_bytes,
            limit_entries=self._ring.limit,
        )

    def newest_id(self) -> str:
        """Id of the newest entry; empty if there is none."""
        return next((entry.id for entry in self._ring.newest_first()), "")

    def _tell(self, change: str, places: Iterable[Placed]) -> None:
        for placed in places:
            told = "added" if placed.entry is not None and change == "removed" else change
            self._post(HistoryChangedEvent(slot=str(placed.slot), change=told, entry=placed.entry))  # type: ignore[arg-type]  # one of the four
