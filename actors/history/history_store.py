"""What the actor asks of a history, whether it is kept in memory or on disk."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from schemas.history import (
    ConversationTotals,
    HistoryEntry,
    HistoryExportRequestEvent,
    HistoryFoundEvent,
    HistoryPageEvent,
    HistoryQueryRequestEvent,
    HistorySearchRequestEvent,
    HistoryStatusEvent,
    Storage,
)


class HistoryStore(Protocol):
    """Keeps entries. When a change returns, it is as safe as `storage` says."""

    @property
    def storage(self) -> Storage:
        """How entries are kept."""

    async def append(self, entry: HistoryEntry) -> HistoryEntry:
        """Keep an entry and return it; if its id is known, return the entry that has it."""

    async def edit(self, entry_id: str, text: str, now: float) -> HistoryEntry | None:
        """Give an entry another text; None if it does not exist."""

    async def remove(self, ids: Iterable[str], *, dry_run: bool) -> int:
        """Remove entries and return how many existed."""

    async def clear(self, before: float | None, *, dry_run: bool) -> int:
        """Remove all entries, or those before a moment, and return how many existed."""

    async def page(self, query: HistoryQueryRequestEvent) -> HistoryPageEvent:
        """Return the entries that fit a query, newest first."""

    async def search(self, request: HistorySearchRequestEvent) -> HistoryFoundEvent:
        """Return the entries with all the words, newest first."""

    async def oldest_first(self, request: HistoryExportRequestEvent) -> tuple[list[HistoryEntry], bool]:
        """Return the next entries to export, and whether more follow."""

    async def conversations(self) -> list[ConversationTotals]:
        """Return the conversations in numbers, the most recent one first."""

    async def sizes(self) -> list[tuple[str, float, int]]:
        """Return id, time and size in bytes of each entry, newest first."""

    def status(self) -> HistoryStatusEvent:
        """Return how much is kept."""
