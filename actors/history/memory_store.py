"""The history in memory: never on disk, and rebuilt from the broker's copy after a crash of the actor."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, Literal

from actors.history.entries.reply_room import ReplyRoom, taken
from actors.history.memory_ring import MemoryRing, SlotState, conversation_totals
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
    """Keeps the newest entries and posts an event about each slot that changes.

    Events go to the broker through the same socket as the answer that follows, and before it. So a client
    that has the answer can rely on the broker's copy.
    """

    storage: Final[Storage] = "memory"

    def __init__(self, limit: int, post: Callable[[Event], None]) -> None:
        """Make an empty store.

        Args:
            limit: most entries.
            post: publishes an event without waiting.
        """
        self._ring = MemoryRing(limit)
        self._post = post

    def restore(self, changes: Iterable[HistoryChangedEvent], limit: int) -> None:
        """Rebuild the entries from the last event about each slot."""
        states = [SlotState(int(change.slot), change.entry) for change in changes if change.slot.isdecimal()]
        self._ring, changed = MemoryRing.restored(limit, states)
        self._post_changes("removed", changed)

    def resize(self, limit: int) -> None:
        """Change how many entries are kept."""
        if limit != self._ring.limit:
            self._post_changes("removed", self._ring.resize(limit))

    async def append(self, entry: HistoryEntry) -> HistoryEntry:
        """See `HistoryStore`."""
        known = self._ring.get(entry.id)
        if known is not None:
            return known
        self._post_changes("added", self._ring.append(entry))
        return entry

    async def edit(self, entry_id: str, text: str, now: float) -> HistoryEntry | None:
        """See `HistoryStore`."""
        self._post_changes("edited", self._ring.edit(entry_id, text, now))
        return self._ring.get(entry_id)

    async def remove(self, ids: Iterable[str], *, dry_run: bool) -> int:
        """See `HistoryStore`."""
        found = [entry_id for entry_id in dict.fromkeys(ids) if self._ring.get(entry_id)]
        if not dry_run:
            self._post_changes("removed", self._ring.remove(found))
        return len(found)

    async def clear(self, before: float | None, *, dry_run: bool) -> int:
        """See `HistoryStore`."""
        found = [entry.id for entry in self._ring if before is None or entry.at < before]
        if not dry_run:
            self._post_changes("cleared", self._ring.remove(found))
        return len(found)

    async def page(self, query: HistoryQueryRequestEvent) -> HistoryPageEvent:
        """See `HistoryStore`."""
        return self._ring.page(query)

    async def search(self, request: HistorySearchRequestEvent) -> HistoryFoundEvent:
        """See `HistoryStore`."""
        hits, more = self._ring.search(request.words, request.before, request.limit)
        return HistoryFoundEvent(hits=hits, next_before=hits[-1].entry.id if more else "")

    async def oldest_first(self, request: HistoryExportRequestEvent) -> tuple[list[HistoryEntry], bool]:
        """See `HistoryStore`."""
        fitting = (
            entry
            for entry in self._ring
            if entry.id > request.after
            and (request.since is None or entry.at >= request.since)
            and (request.until is None or entry.at < request.until)
            and (not request.conversation_id or entry.conversation_id == request.conversation_id)
        )
        return taken(fitting, ReplyRoom(request.limit))

    async def conversations(self) -> list[ConversationTotals]:
        """See `HistoryStore`."""
        return conversation_totals(self._ring)

    async def sizes(self) -> list[tuple[str, float, int]]:
        """See `HistoryStore`."""
        return [(entry.id, entry.at, len(entry.text.encode())) for entry in self._ring.newest_first()]

    def entries(self) -> list[HistoryEntry]:
        """Return all entries, oldest first."""
        return list(self._ring)

    def status(self) -> HistoryStatusEvent:
        """See `HistoryStore`."""
        return HistoryStatusEvent(
            mode="memory",
            storage="memory",
            notice="",
            entries=len(self._ring),
            size_bytes=self._ring.size_bytes,
            limit_entries=self._ring.limit,
        )

    def newest_id(self) -> str:
        """Return the id of the newest entry; empty if there is none."""
        return next((entry.id for entry in self._ring.newest_first()), "")

    def _post_changes(
        self, change: Literal["added", "edited", "removed", "cleared"], states: Iterable[SlotState]
    ) -> None:
        for state in states:
            is_moved = state.entry is not None and change == "removed"
            self._post(
                HistoryChangedEvent(
                    slot=str(state.slot), change="added" if is_moved else change, entry=state.entry
                )
            )
