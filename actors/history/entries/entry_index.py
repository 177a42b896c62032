"""Answers queries and searches over the entries of a history on disk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

from actors.history.entries.entry_query import match_of, where_of
from actors.history.entries.entry_table import SCAN_STEP, EntryTable, IndexName
from actors.history.entries.reply_room import ReplyRoom, taken
from actors.history.entries.stored.stored_entry import decode_entry, decode_text
from actors.history.entries.word_search import highlights, hit_of, words_of
from schemas.bounds import sum_of_counts
from schemas.history import (
    ConversationTotals,
    HistoryEntry,
    HistoryExportRequestEvent,
    HistoryFoundEvent,
    HistoryPageEvent,
    HistoryQueryRequestEvent,
    HistorySearchRequestEvent,
    Hit,
)

WALKED: Final = 1024
"""Number of the newest entries that a search looks at before it asks the full-text index.

Among them it finds a frequent word at once, whereas the index would gather every entry with it.
"""


class EntryIndex:
    """Queries over a table of entries. Several threads may use it."""

    def __init__(self, table: EntryTable) -> None:
        self._table = table

    @property
    def count(self) -> int:
        """Number of entries."""
        return self._table.count

    def count_known(self, ids: Iterable[str]) -> int:
        """Return how many of these ids exist."""
        return sum(self._table.get(entry_id) is not None for entry_id in ids)

    def newest_first(self, before: str = "") -> Iterator[HistoryEntry]:
        """Yield entries from the newest on, or from the one before this id on."""
        for _, body in self._table.scan("", [], before):
            yield decode_entry(body)

    def sizes(self) -> list[tuple[str, float, int]]:
        """Return id, time and size in bytes of each entry, newest first."""
        found: list[Any] = self._table.select(
            "SELECT id, at, length(body) FROM entries ORDER BY position DESC"
        )
        return found

    def ids_before(self, moment: float | None) -> list[str]:
        """Return the ids of the entries before a moment, or of all."""
        where, values = ("WHERE at < ?", [moment]) if moment is not None else ("", [])
        statement = f"SELECT id FROM entries {where}"  # noqa: S608  # constants
        return [entry_id for (entry_id,) in self._table.select(statement, values)]

    def page(self, query: HistoryQueryRequestEvent) -> HistoryPageEvent:
        """Return the entries that fit a query, newest first."""
        where, values = where_of(query)
        if query.text:
            return self._page_by_text(query, where, values)
        total = self.count
        if where:
            statement = f"SELECT count(*) FROM entries WHERE {where}"  # noqa: S608  # constants
            index: IndexName = "conversation" if query.conversation_id else "at"
            total = self._table.select(statement, values, index=index)[0][0]
        step = min(query.limit + 1, SCAN_STEP)
        found = (decode_entry(body) for _, body in self._table.scan(where, values, query.before, step=step))
        page, more = taken(found, ReplyRoom(query.limit))
        return HistoryPageEvent(entries=page, next_before=page[-1].id if more else "", total=total)

    def oldest_first(self, request: HistoryExportRequestEvent) -> tuple[list[HistoryEntry], bool]:
        """Return the next entries to export, and whether more follow."""
        where, values = where_of(
            HistoryQueryRequestEvent(
                since=request.since, until=request.until, conversation_id=request.conversation_id
            )
        )
        after = self._table.position(request.after) if request.after else -1
        statement = (
            f"SELECT body FROM entries WHERE position > ? {'AND ' + where if where else ''}"  # noqa: S608  # constants
            " ORDER BY position LIMIT ?"
        )
        found = self._table.select(statement, [after, *values, request.limit + 1])
        return taken((decode_entry(body) for (body,) in found), ReplyRoom(request.limit))

    def search(self, request: HistorySearchRequestEvent, *, complete: bool) -> HistoryFoundEvent:
        """Return the entries with all the words, newest first.

        Every candidate of the full-text index is checked, because the index suggests too many.

        Args:
            request: what to look for.
            complete: whether all entries are loaded; part of the answer.
        """
        words = words_of(request.words)
        hits: list[Hit] = []
        room = ReplyRoom(request.limit)
        for body in self._candidates(match_of(words), request.before) if words else ():
            found = highlights(decode_text(body).text, words)
            if found is not None:
                entry = decode_entry(body)
                if not room.takes(entry):
                    return HistoryFoundEvent(hits=hits, next_before=hits[-1].entry.id, complete=complete)
                hits.append(hit_of(entry, found))
        return HistoryFoundEvent(hits=hits, next_before="", complete=complete)

    def conversations(self) -> list[ConversationTotals]:
        """Return the conversations in numbers, the most recent one first."""
        found = self._table.select(
            "SELECT conversation, count(*), total(tokens), min(at), max(at) FROM entries"
            " WHERE conversation > '' GROUP BY conversation ORDER BY max(at) DESC",
            index="conversation",
        )
        return [
            ConversationTotals(
                conversation_id=name,
                entries=entries,
                tokens=sum_of_counts([int(tokens)]),  # sum() fails beyond 64 bits, total() does not
                first_at=first,
                last_at=last,
            )
            for name, entries, tokens, first, last in found
        ]

    def _candidates(self, match: str, before: str) -> Iterator[bytes]:
        """Yield entries that may have the words, newest first.

        The newest come unfiltered, then those that the full-text index suggests.
        """
        walk = self._table.scan("", [], before)
        if not match:
            yield from (body for _, body in walk)
            return
        last: int | None = None
        for last, body in islice(walk, WALKED):  # noqa: B007  # read after the loop
            yield body
        if last is not None:
            yield from (body for _, body in self._table.suggested(match, last))

    def _page_by_text(
        self, query: HistoryQueryRequestEvent, where: str, values: list[Any]
    ) -> HistoryPageEvent:
        wanted = query.text.casefold()
        below = self._table.position(query.before) if query.before else None
        page: list[HistoryEntry] = []
        room = ReplyRoom(query.limit)
        more = False
        total = 0
        for position, body in self._table.scan(where, values, ""):
            if wanted in decode_text(body).text.casefold():
                total += 1
                if not more and (below is None or position < below):
                    entry = decode_entry(body)
                    more = not room.takes(entry)
                    page += [] if more else [entry]
        return HistoryPageEvent(entries=page, next_before=page[-1].id if more else "", total=total)
