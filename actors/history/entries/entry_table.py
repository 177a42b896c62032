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

import msgspec

from actors.history.entries.entry_query import searchable
from schemas.history import HistoryEntry

NEIGHBOURS: Final = 4096
"""Most entries that may want one position. Ids made here never share millisecond and counter."""

ID_LENGTH: Final = 36
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


class EntryRow(msgspec.Struct, frozen=True):
    """What the table needs to know of an entry."""

    id: str
    at: float
    kind: str
    text: str
    conversation_id: str = ""
    tokens: int = 0


class EntryText(msgspec.Struct, frozen=True):
    """The text of an entry alone, which decodes faster than all of it."""

    text: str


decode_entry: Final = msgspec.json.Decoder(HistoryEntry).decode
decode_text: Final = msgspec.json.Decoder(EntryText).decode
_decode_row: Final = msgspec.json.Decoder(EntryRow).decode


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

    def load(self, segment: int, bodies: Sequence[bytes | msgspec.Raw]) -> set[int]:
        """Take in entries as JSON; one with a known id replaces that one.

        Returns:
            The segments that contain the replaced entries.
        """
        rows = [(_decode_row(body), bytes(body)) for body in bodies]
        values = [
            (position_of(row.id), row.id, segment, row.at, row.kind, row.conversation_id, row.tokens, body)
            for row, body in rows
        ]
        with self._changing():
            if not self._is_free([one[0] for one in values]):  # some are known, or their ids begin alike
                return set().union(*(self._put(segment, row, body) for row, body in rows))
            self._database.executemany(_PUT, values)
            self._database.executemany(
                _PUT_WORDS,
                ((one[0], searchable(row.text)) for one, (row, _) in zip(values, rows, strict=True)),
            )
            self.count += len(values)
            return set()

    def put(self, segment: int, body: bytes) -> set[int]:
        """Take in one entry; see `load`.

        Raises:
            PositionTaken: too many ids begin like this one.
        """
        with self._changing():
            return self._put(segment, _decode_row(body), body)

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
                (position, position + NEIGHBOURS),
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
        below = self.position(before) if before else (1 << 63) - 1
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

    def _put(self, segment: int, row: EntryRow, body: bytes) -> set[int]:
        known = self._find(row.id)
        former = {self._remove(row.id) or 0} if known else set()
        wanted = position_of(row.id)
        statement = "SELECT position FROM entries WHERE position BETWEEN ? AND ?"
        found = self._database.execute(statement, (wanted, wanted + NEIGHBOURS))
        taken = {position for (position,) in found}
        free = next((one for one in range(wanted, wanted + NEIGHBOURS) if one not in taken), None)
        if free is None:
            raise PositionTaken(f"{row.id}: more than {NEIGHBOURS} ids begin like this one")
        self._database.execute(
            _PUT, (free, row.id, segment, row.at, row.kind, row.conversation_id, row.tokens, body)
        )
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
            statement, (position, position + NEIGHBOURS, entry_id)
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


def position_of(entry_id: str) -> int:
    """Return the first 63 meaningful bits of a UUIDv7 (RFC 9562, section 5.7).

    They are 48 of time, 12 of the counter, and 3 random ones.

    Raises:
        ValueError: it is not a UUID.
    """
    if len(entry_id) != ID_LENGTH:
        raise ValueError("badly formed hexadecimal UUID string")
    # uuid.UUID takes five times as long, which counts for each entry that is loaded.
    number = int(entry_id.replace("-", ""), 16)
    return (number >> 80) << 15 | (number >> 64 & 0xFFF) << 3 | number >> 59 & 0b111
