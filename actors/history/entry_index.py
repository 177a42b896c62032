"""All entries of a history on disk, in memory and ready to be asked: SQLite in memory, so that no word of them is on disk in plain.

The place of an entry is the first 63 bits of its UUIDv7 that say something: time, counter, and three random
bits. So the order of places is that of the ids, and the full-text index hands out the newest first without
sorting.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice, pairwise
from typing import Any, Final

import msgspec

from actors.history.query import match_of, searchable, where_of
from actors.history.word_search import highlights, words_of
from schemas.history import (
    ConversationTotals,
    Highlight,
    HistoryEntry,
    HistoryExportRequestEvent,
    HistoryFoundEvent,
    HistoryPageEvent,
    HistoryQueryRequestEvent,
    HistorySearchRequestEvent,
    Hit,
)

NEIGHBOURS: Final = 4096
"""So many entries may want the same place: those of one millisecond and counter, which no counter of ours makes."""

ID_LENGTH: Final = 36
CROWDED: Final = 2048
"""From so many on, another one is refused before it is kept."""

HASH_BYTES: Final = 64 * 1024 * 1024
SCAN_STEP: Final = 512
WALKED: Final = 1024
"""So many of the newest entries are looked at before the full-text index is asked: a frequent word is found among them at once,
whereas the index would gather every entry that holds it."""

COMMIT_EVERY: Final = 256
"""Changes; each commit makes the full-text index write out what it gathered."""

SCHEMA: Final = (
    "PRAGMA temp_store = MEMORY",
    "PRAGMA journal_mode = MEMORY",
    "CREATE TABLE entries (place INTEGER PRIMARY KEY, id TEXT, segment INTEGER, at REAL, kind TEXT, conversation TEXT, tokens INTEGER, body BLOB)",
    "CREATE VIRTUAL TABLE words USING fts5 (text, content='', detail=none, columnsize=0, prefix='1 2', tokenize='unicode61 remove_diacritics 0')",
)
LAZY: Final = {
    "segment": "CREATE INDEX IF NOT EXISTS by_segment ON entries (segment)",
    "conversation": "CREATE INDEX IF NOT EXISTS by_conversation ON entries (conversation, at, tokens)",
    "at": "CREATE INDEX IF NOT EXISTS by_time ON entries (at, kind, conversation)",
}
"""Made when they are first needed: nobody should wait for them while entries are loaded."""

_PUT: Final = "INSERT INTO entries (place, id, segment, at, kind, conversation, tokens, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_INDEX: Final = "INSERT INTO words (rowid, text) VALUES (?, ?)"


class Row(msgspec.Struct, frozen=True):
    """What of an entry the index needs to know."""

    id: str
    at: float
    kind: str
    text: str
    conversation_id: str = ""
    tokens: int = 0


class _Text(msgspec.Struct, frozen=True):
    text: str


_entry: Final = msgspec.json.Decoder(HistoryEntry)
_row: Final = msgspec.json.Decoder(Row)
_text: Final = msgspec.json.Decoder(_Text)


class PlaceTaken(ValueError):
    """Too many ids begin alike."""


class Index:
    """Entries by id, time, kind, conversation, words. May be used by several threads."""

    def __init__(self) -> None:
        self._database = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        for statement in SCHEMA:
            self._database.execute(statement)
        self._database.execute("INSERT INTO words (words, rank) VALUES ('hashsize', ?)", (HASH_BYTES,))
        self._lock = threading.Lock()
        self._lazy: set[str] = set()
        self._changes = 0
        self.count = 0

    def close(self) -> None:
        """Let go of the memory."""
        with self._lock:
            self._database.close()

    # -- changes
    # ---------------------------------------------------------------------------------------------------

    def load(self, segment: int, bodies: Sequence[bytes | msgspec.Raw]) -> set[int]:
        """Take in entries as JSON; one with a known id replaces that one. Returns the segments in which replaced ones lie."""
        rows = [(_row.decode(body), bytes(body)) for body in bodies]
        placed = [
            (place_of(row.id), row.id, segment, row.at, row.kind, row.conversation_id, row.tokens, body)
            for row, body in rows
        ]
        with self._changing():
            if not self._is_free(
                [values[0] for values in placed]
            ):  # some are known already, or too much alike
                return set().union(*(self._put(segment, row, body) for row, body in rows))
            self._database.executemany(_PUT, placed)
            self._database.executemany(
                _INDEX,
                ((values[0], searchable(row.text)) for values, (row, _) in zip(placed, rows, strict=True)),
            )
            self.count += len(placed)
            return set()

    def put(self, segment: int, body: bytes) -> set[int]:
        """Take in one entry; see `load`.

        Raises:
            PlaceTaken: it cannot be told from too many others.
        """
        with self._changing():
            return self._put(segment, _row.decode(body), body)

    def is_crowded(self, identity: str) -> bool:
        """Whether there are too many entries whose ids begin like this one."""
        place = place_of(identity)
        with self._lock:
            found = self._database.execute(
                "SELECT count(*) FROM entries WHERE place BETWEEN ? AND ?", (place, place + NEIGHBOURS)
            ).fetchone()
        return bool(found[0] >= CROWDED)

    def remove(self, identity: str) -> int | None:
        """Forget an entry; the segment that it lies in, None if it is not known."""
        with self._changing():
            return self._remove(identity)

    def moved(self, segments: Iterable[int], number: int) -> None:
        """The entries of some segments lie in another now."""
        with self._changing():
            for segment in segments:
                if segment != number:
                    self._database.execute(
                        "UPDATE entries SET segment = ? WHERE segment = ?", (number, segment)
                    )

    # -- questions
    # -------------------------------------------------------------------------------------------------

    def get(self, identity: str) -> HistoryEntry | None:
        """The entry with this id."""
        with self._lock:
            found = self._find(identity)
        return _entry.decode(found[2]) if found else None

    def bodies_of(self, segments: Iterable[int]) -> Iterator[bytes]:
        """The entries that lie in some segments, oldest first, as JSON."""
        numbers = list(segments)
        marks = ",".join("?" * len(numbers))
        with self._changing():
            self._want("segment")
            found = self._database.execute(
                f"SELECT body FROM entries WHERE segment IN ({marks}) ORDER BY place",  # noqa: S608  # marks
                numbers,
            ).fetchall()
        return (body for (body,) in found)

    def newest_first(self, before: str = "") -> Iterator[HistoryEntry]:
        """Entries from the newest on, or from the one before this id on."""
        for _, body in self._scan("", [], before):
            yield _entry.decode(body)

    def rows(self) -> list[tuple[str, float, int]]:
        """Id, time and size in bytes of each entry, newest first: what retention asks about."""
        with self._lock:
            return self._database.execute(
                "SELECT id, at, length(body) FROM entries ORDER BY place DESC"
            ).fetchall()

    def ids_before(self, moment: float | None) -> list[str]:
        """Ids of the entries before a moment, or of all."""
        with self._lock:
            where, values = ("WHERE at < ?", [moment]) if moment is not None else ("", [])
            statement = f"SELECT id FROM entries {where}"  # noqa: S608  # constants
            return [identity for (identity,) in self._database.execute(statement, values)]

    def page(self, question: HistoryQueryRequestEvent) -> HistoryPageEvent:
        """Entries that fit a question, newest first."""
        where, values = where_of(question)
        if question.text:
            return self._page_of_text(question, where, values)
        with self._changing():
            total = self.count
            if where:
                self._want("conversation" if question.conversation_id else "at")
                statement = f"SELECT count(*) FROM entries WHERE {where}"  # noqa: S608  # constants
                total = self._database.execute(statement, values).fetchone()[0]
        found: list[HistoryEntry] = []
        for _, body in self._scan(where, values, question.before, question.limit + 1):
            found.append(_entry.decode(body))
            if len(found) > question.limit:
                break
        page = found[: question.limit]
        return HistoryPageEvent(
            entries=page, next_before=page[-1].id if len(found) > len(page) else "", total=total
        )

    def oldest_first(self, question: HistoryExportRequestEvent) -> tuple[list[HistoryEntry], bool]:
        """The next entries to export, and whether more follow."""
        where, values = where_of(
            HistoryQueryRequestEvent(
                since=question.since, until=question.until, conversation_id=question.conversation_id
            )
        )
        with self._lock:
            after = self._place(question.after) if question.after else -1
            statement = f"SELECT body FROM entries WHERE place > ? {'AND ' + where if where else ''} ORDER BY place LIMIT ?"  # noqa: S608  # constants
            found = self._database.execute(statement, [after, *values, question.limit + 1]).fetchall()
        return [_entry.decode(body) for (body,) in found[: question.limit]], len(found) > question.limit

    def search(self, question: HistorySearchRequestEvent, *, complete: bool) -> HistoryFoundEvent:
        """Entries that hold all the words, newest first; what the full-text index suggests is looked at before it is given."""
        words = words_of(question.words)
        hits: list[Hit] = []
        for body in self._candidates(match_of(words), question.before) if words else ():
            places = highlights(_text.decode(body).text, words)
            if places is not None:
                hits.append(
                    Hit(
                        entry=_entry.decode(body),
                        highlights=[Highlight(start=start, end=end) for start, end in places],
                    )
                )
                if len(hits) > question.limit:
                    break
        page = hits[: question.limit]
        return HistoryFoundEvent(
            hits=page, next_before=page[-1].entry.id if len(hits) > len(page) else "", complete=complete
        )

    def conversations(self) -> list[ConversationTotals]:
        """Conversations in numbers, the one that was spoken in last first."""
        with self._changing():
            self._want("conversation")
            found = self._database.execute(
                "SELECT conversation, count(*), sum(tokens), min(at), max(at) FROM entries WHERE conversation > '' GROUP BY conversation"
                " ORDER BY max(at) DESC"
            ).fetchall()
        return [
            ConversationTotals(
                conversation_id=name, entries=entries, tokens=tokens, first_at=first, last_at=last
            )
            for name, entries, tokens, first, last in found
        ]

    # -- steps
    # -----------------------------------------------------------------------------------------------------

    @contextmanager
    def _changing(self) -> Iterator[None]:
        with self._lock:
            if not self._database.in_transaction:
                self._database.execute("BEGIN")
            yield
            self._changes += 1
            if self._changes >= COMMIT_EVERY:
                self._changes = 0
                self._database.execute("COMMIT")

    def _is_free(self, places: Sequence[int]) -> bool:
        """Whether nothing lies among these places. No savepoint is used: each makes the full-text index write out what it gathered."""
        if not places or any(earlier >= later for earlier, later in pairwise(places)):
            return False
        statement = "SELECT 1 FROM entries WHERE place BETWEEN ? AND ? LIMIT 1"
        return (
            self._database.execute(statement, (max(0, places[0] - NEIGHBOURS), places[-1])).fetchone() is None
        )

    def _put(self, segment: int, row: Row, body: bytes) -> set[int]:
        known = self._find(row.id)
        former = {self._remove(row.id) or 0} if known else set()
        place = place_of(row.id)
        taken = {
            found
            for (found,) in self._database.execute(
                "SELECT place FROM entries WHERE place BETWEEN ? AND ?", (place, place + NEIGHBOURS)
            )
        }
        free = next((one for one in range(place, place + NEIGHBOURS) if one not in taken), None)
        if free is None:
            raise PlaceTaken(f"{row.id}: more than {NEIGHBOURS} ids begin like this one")
        self._database.execute(
            _PUT, (free, row.id, segment, row.at, row.kind, row.conversation_id, row.tokens, body)
        )
        self._database.execute(_INDEX, (free, searchable(row.text)))
        self.count += 1
        return former

    def _remove(self, identity: str) -> int | None:
        found = self._find(identity)
        if found is None:
            return None
        place, segment, body = found
        self._database.execute("DELETE FROM entries WHERE place = ?", (place,))
        self._database.execute(
            "INSERT INTO words (words, rowid, text) VALUES ('delete', ?, ?)",
            (place, searchable(_text.decode(body).text)),
        )
        self.count -= 1
        return segment

    def _find(self, identity: str) -> tuple[int, int, bytes] | None:
        try:
            place = place_of(identity)
        except ValueError:
            return None
        statement = "SELECT place, segment, body FROM entries WHERE place BETWEEN ? AND ? AND id = ?"
        found: tuple[int, int, bytes] | None = self._database.execute(
            statement, (place, place + NEIGHBOURS, identity)
        ).fetchone()
        return found

    def _place(self, identity: str) -> int:
        """Where an entry lies, or would."""
        found = self._find(identity)
        if found:
            return found[0]
        try:
            return place_of(identity)
        except ValueError:
            return -1

    def _want(self, name: str) -> None:
        if name not in self._lazy:
            self._database.execute(LAZY[name])
            self._lazy.add(name)

    def _candidates(self, wanted: str, before: str) -> Iterator[bytes]:
        """Entries that may hold the words, newest first: the newest as they come, then what the full-text index suggests."""
        walk = self._scan("", [], before)
        if not wanted:
            yield from (body for _, body in walk)
            return
        last: int | None = None
        for last, body in islice(walk, WALKED):  # noqa: B007  # read after the loop
            yield body
        if last is not None:
            yield from (body for _, body in self._suggested(wanted, last))

    def _scan(
        self, where: str, values: Sequence[Any], before: str, step: int = SCAN_STEP
    ) -> Iterator[tuple[int, bytes]]:
        statement = f"SELECT place, body FROM entries WHERE place < ? {'AND ' + where if where else ''} ORDER BY place DESC LIMIT ?"  # noqa: S608
        with self._lock:
            below = self._place(before) if before else (1 << 63) - 1
        yield from self._steps(statement, values, below, step)

    def _suggested(self, wanted: str, below: int) -> Iterator[tuple[int, bytes]]:
        statement = (
            "SELECT entries.place, body FROM (SELECT rowid FROM words WHERE rowid < ? AND words MATCH ? ORDER BY rowid DESC LIMIT ?) AS hits"
            " JOIN entries ON entries.place = hits.rowid ORDER BY entries.place DESC"
        )
        return self._steps(statement, [wanted], below, SCAN_STEP // 4)

    def _steps(
        self, statement: str, values: Sequence[Any], below: int, step: int
    ) -> Iterator[tuple[int, bytes]]:
        """Rows below a place, a few at a time, so that nobody who writes waits for long."""
        while True:
            with self._lock:
                found = self._database.execute(statement, [below, *values, step]).fetchall()
            yield from found
            if len(found) < step:
                return
            below = found[-1][0]

    def _page_of_text(
        self, question: HistoryQueryRequestEvent, where: str, values: list[Any]
    ) -> HistoryPageEvent:
        wanted, below = question.text.casefold(), None
        with self._lock:
            below = self._place(question.before) if question.before else None
        page: list[bytes] = []
        total = left = 0
        for place, body in self._scan(where, values, ""):
            if wanted in _text.decode(body).text.casefold():
                total += 1
                if below is None or place < below:
                    left += 1
                    if len(page) < question.limit:
                        page.append(body)
        entries = [_entry.decode(body) for body in page]
        return HistoryPageEvent(
            entries=entries, next_before=entries[-1].id if left > len(entries) else "", total=total
        )


def place_of(identity: str) -> int:
    """The first 63 bits of a UUIDv7 that say something (RFC 9562, section 5.7): 48 of time, 12 of the counter, 3 random ones.

    Raises:
        ValueError: it is no UUID.
    """
    if len(identity) != ID_LENGTH:
        raise ValueError("badly formed hexadecimal UUID string")
    number = int(
        identity.replace("-", ""), 16
    )  # uuid.UUID would take five times as long, for each entry that is loaded
    return (number >> 80) << 15 | (number >> 64 & 0xFFF) << 3 | number >> 59 & 0b111
