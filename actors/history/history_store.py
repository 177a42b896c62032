"""What the actor asks of a history, wherever it is kept: in memory or on disk."""

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


class Store(Protocol):
    """Keeps entries; what a method returned is kept as safely as `storage` keeps anything."""

    @property
    def storage(self) -> Storage:
        """How entries are kept."""

    async def append(self, entry: HistoryEntry) -> HistoryEntry:
        """Keep an entry; one with a known id is not kept twice."""

    async def edit(self, identity: str, text: str, now: float) -> HistoryEntry | None:
        """Give an entry another text; None if there is no such entry."""

    async def remove(self, ids: Iterable[str], *, dry_run: bool) -> int:
        """Take entries out; how many there were."""

    async def clear(self, before: float | None, *, dry_run: bool) -> int:
        """Take out all entries, or those before a moment; how many there were."""

    async def page(self, question: HistoryQueryRequestEvent) -> HistoryPageEvent:
        """Entries that fit a question, newest first."""

    async def search(self, question: HistorySearchRequestEvent) -> HistoryFoundEvent:
        """Entries that hold all the words, newest first."""

    async def oldest_first(self, question: HistoryExportRequestEvent) -> tuple[list[HistoryEntry], bool]:
        """The next entries to export, and whether more follow."""

    async def conversations(self) -> list[ConversationTotals]:
        """Conversations in numbers, the one that was spoken in last first."""

    async def sizes(self) -> list[tuple[str, float, int]]:
        """Id, time and size in bytes of each entry, newest first."""

    def status(self) -> HistoryStatusEvent:
        """How much there is."""
