"""All entries of a history on disk, as rows of an SQLite database in memory.

In memory, so that no text reaches the disk in plain. The position of an entry is its primary key: the first
63 meaningful bits of its UUIDv7, which are time, counter and three random bits. So positions have the order
of the ids, and the full-text index yields the newest entries first without sorting.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, Final, Literal

from actors.history.entries.entry_query import searchable
from actors.history.entries.stored.stored_entry import (
    LAST_POSITION,
    EntryRow,
    StoredEntry,
    decode_entry,
    decode_text,
    position_of,
    stored_entry,
)
from schemas.history import HistoryEntry

NEIGHBOURS: Final = 4096
"""Most entries that may want one position. Ids made here never share millisecond and counter."""

CROWDED: Final = 2048
"""With this many entries around its position, another one is refused before it is written."""

HASH_BYTES: Final = 64 * 1024 * 1024
SCAN_STEP: Final = 512
COMMIT_EVERY: Final = 256
"""Changes between commits. Each commit makes the full-text index write out what it gathered."""

SCHEMA: Final = (
    "PRAGMA temp_store = MEMORY",
    "PRAGMA journal_mode = MEMORY",
    "CREATE TABLE entries (position INTEGER PRIMARY KEY, id TEXT, segment INTEGER, at REAL, kind TEXT,"
    " conversation TEXT, tokens INTEGER, body BLOB)",
    "CREATE VIRTUAL TABLE words USING fts5 (text, content='', detail=none, columnsize=0, prefix='1 2',"
    " tokenize='unicode61 remove_diacritics 0')",
)
IndexName = Literal["segment", "conversation", "at"]
_CREATE_INDEX: Final[dict[IndexName, str]] = {
    "segment": "CREATE INDEX IF NOT EXISTS by_segment ON entries (segment)",
    "conversation": "CREATE INDEX IF NOT EXISTS by_conversation ON entries (conversation, at, tokens)",
    "at": "CREATE INDEX IF NOT EXISTS by_time ON entries (at, kind, conversation)",
}
"""Created when first needed, so that loading does not wait for them."""

_PUT: Final = (
    "INSERT INTO entries (position, id, segment, at, kind, conversation, tokens, body)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_PUT_WORDS: Final = "INSERT INTO words (rowid, text) VALUES (?, ?)"
_SUGGESTED: Final = (
    "SELECT entries.position, body FROM"
    " (SELECT rowid FROM words WHERE rowid < ? AND words MATCH ? ORDER BY rowid DESC LIMIT ?) AS hits"
    " JOIN entries ON entries.position = hits.rowid ORDER BY entries.position DESC"
)


class PositionTaken(ValueError):
    """Too many ids begin alike."""


class EntryTable:
    """Entries as JSON, by position and by word. Several threads may use it.

    Attributes:
        count: number of entries.
    """

    def __init__(self) -> None:
        self._database = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        for statement in SCHEMA:
            self._database.execute(statement)
        self._database.execute("INSERT INTO words (words, rank) VALUES ('hashsize', ?)", (HASH_BYTES,))
        self._lock = threading.Lock()
        self._indexes: set[IndexName] = set()
        self._changes = 0
        self.count = 0

    # -- changes

    def load(self, segment: int, entries: Sequence[StoredEntry]) -> tuple[set[int], list[StoredEntry]]:
        """Take in entries; one with a known id replaces that one.

        Returns:
            The segments that contain the replaced entries, and the entries for which there is no position.
        """
        with self._changing():
            if not self._is_free([position for position, _, _ in entries]):  # known, or ids begin alike
                return self._put_each(segment, entries)
            self._database.executemany(
                _PUT, [_values(position, segment, row, body) for position, row, body in entries]
            )
            self._database.executemany(
                _PUT_WORDS, ((position, searchable(row.text)) for position, row, _ in entries)
            )
            self.count += len(entries)
            return set(), []

    def put(self, segment: int, body: bytes) -> set[int]:
        """Take in one entry; see `load`.

        Raises:
            PositionTaken: too many ids begin like this one.
        """
        with self._changing():
            return self._put(segment, stored_entry(body))

    def remove(self, entry_id: str) -> int | None:
        """Forget an entry and return its segment; None if it is not known."""
        with self._changing():
            return self._remove(entry_id)

    def move(self, segments: Iterable[int], number: int) -> None:
        """Record that the entries of some segments are in another one now."""
        with self._changing():
            for segment in segments:
                if segment != number:
                    self._database.execute(
                        "UPDATE entries SET segment = ? WHERE segment = ?", (number, segment)
                    )

    # -- look-ups

    def get(self, entry_id: str) -> HistoryEntry | None:
        """Return the entry with this id."""
        with self._lock:
            found = self._find(entry_id)
        return decode_entry(found[2]) if found else None

    def is_crowded(self, entry_id: str) -> bool:
        """Whether so many ids begin like this one that another should be refused."""
        position = position_of(entry_id)
        with self._lock:
            found = self._database.execute(
                "SELECT count(*) FROM entries WHERE position BETWEEN ? AND ?",
                _neighbours(position),
            ).fetchone()
        return bool(found[0] >= CROWDED)

    def position(self, entry_id: str) -> int:
        """Return the position that an entry has, or would have; -1 if this is not an id."""
        with self._lock:
            found = self._find(entry_id)
        if found:
            return found[0]
        try:
            return position_of(entry_id)
        except ValueError:
            return -1

    def bodies_of(self, segments: Iterable[int]) -> Iterator[bytes]:
        """Return the entries of some segments, oldest first, as JSON."""
        numbers = list(segments)
        marks = ",".join("?" * len(numbers))
        statement = f"SELECT body FROM entries WHERE segment IN ({marks}) ORDER BY position"  # noqa: S608  # marks only
        return (body for (body,) in self.select(statement, numbers, index="segment"))

    def select(
        self, statement: str, values: Sequence[Any] = (), *, index: IndexName | None = None
    ) -> list[tuple[Any, ...]]:
        """Return all rows of a statement.

        Args:
            statement: SQL over the table `entries`.
            values: of its parameters.
            index: is created first if it does not exist yet.
        """
        if index is None or index in self._indexes:
            with self._lock:
                return self._database.execute(statement, values).fetchall()
        with self._changing():
            self._database.execute(_CREATE_INDEX[index])
            self._indexes.add(index)
            return self._database.execute(statement, values).fetchall()

    def scan(
        self, where: str, values: Sequence[Any], before: str, step: int = SCAN_STEP
    ) -> Iterator[tuple[int, bytes]]:
        """Yield position and JSON of entries, newest first.

        Args:
            where: SQL condition; empty for none.
            values: of its parameters.
            before: id from which on to go back; empty for the newest entry.
            step: rows that are fetched at once.
        """
        statement = (
            f"SELECT position, body FROM entries WHERE position < ? {'AND ' + where if where else ''}"  # noqa: S608  # see `where_of`
            " ORDER BY position DESC LIMIT ?"
        )
        below = self.position(before) if before else LAST_POSITION + 1
        yield from self._steps(statement, values, below, step)

    def suggested(self, match: str, below: int) -> Iterator[tuple[int, bytes]]:
        """Yield position and JSON of entries below a position that match, newest first."""
        return self._steps(_SUGGESTED, [match], below, SCAN_STEP // 4)

    # -- steps

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

    def _is_free(self, positions: Sequence[int]) -> bool:
        """Whether these positions go up and no entry lies between them.

        There is no savepoint to return to instead: each makes the full-text index write out what it gathered.
        """
        if not positions or any(earlier >= later for earlier, later in pairwise(positions)):
            return False
        statement = "SELECT 1 FROM entries WHERE position BETWEEN ? AND ? LIMIT 1"
        span = (max(0, positions[0] - NEIGHBOURS), positions[-1])
        return self._database.execute(statement, span).fetchone() is None

    def _put_each(self, segment: int, entries: Iterable[StoredEntry]) -> tuple[set[int], list[StoredEntry]]:
        replaced: set[int] = set()
        crowded: list[StoredEntry] = []
        for one in entries:
            try:
                replaced |= self._put(segment, one)
            except PositionTaken:
                crowded.append(one)
        return replaced, crowded

    def _put(self, segment: int, stored: StoredEntry) -> set[int]:
        wanted, row, body = stored
        entry_id = row.id
        known = self._find(entry_id)
        former = {self._remove(entry_id) or 0} if known else set()
        statement = "SELECT position FROM entries WHERE position BETWEEN ? AND ?"
        first, last = _neighbours(wanted)
        taken = {position for (position,) in self._database.execute(statement, (first, last))}
        free = next((one for one in range(first, last + 1) if one not in taken), None)
        if free is None:
            raise PositionTaken(f"{entry_id}: more than {NEIGHBOURS} ids begin like this one")
        self._database.execute(_PUT, _values(free, segment, row, body))
        self._database.execute(_PUT_WORDS, (free, searchable(row.text)))
        self.count += 1
        return former

    def _remove(self, entry_id: str) -> int | None:
        found = self._find(entry_id)
        if found is None:
            return None
        position, segment, body = found
        self._database.execute("DELETE FROM entries WHERE position = ?", (position,))
        self._database.execute(
            "INSERT INTO words (words, rowid, text) VALUES ('delete', ?, ?)",
            (position, searchable(decode_text(body).text)),
        )
        self.count -= 1
        return segment

    def _find(self, entry_id: str) -> tuple[int, int, bytes] | None:
        try:
            position = position_of(entry_id)
        except ValueError:
            return None
        statement = "SELECT position, segment, body FROM entries WHERE position BETWEEN ? AND ? AND id = ?"
        found: tuple[int, int, bytes] | None = self._database.execute(
            statement, (*_neighbours(position), entry_id)
        ).fetchone()
        return found

    def _steps(
        self, statement: str, values: Sequence[Any], below: int, step: int
    ) -> Iterator[tuple[int, bytes]]:
        """Yield rows below a position, a few at a time, so that writers do not wait for long."""
        while True:
            with self._lock:
                found = self._database.execute(statement, [below, *values, step]).fetchall()
            yield from found
            if len(found) < step:
                return
            below = found[-1][0]


def _values(position: int, segment: int, row: EntryRow, body: bytes) -> tuple[Any, ...]:
    return position, row.id, segment, row.at, row.kind, row.conversation_id, row.tokens, body


def _neighbours(position: int) -> tuple[int, int]:
    """The first and the last position at which an entry that wants this one may be."""
    return position, min(position + NEIGHBOURS, LAST_POSITION)
