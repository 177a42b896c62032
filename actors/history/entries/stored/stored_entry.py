"""Entries as they lie in the segments: decoded once, at the limits of today, or named as unfit. Pure."""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

from schemas.bounds import Body, Identifier, Many, Word
from schemas.history import Fields, HistoryEntry

UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError)
LAST_POSITION: Final = (1 << 63) - 2
"""The last but one that SQLite counts to, so that something can be behind it."""

ID_LENGTH: Final = 36

decode_entry: Final = msgspec.json.Decoder(HistoryEntry).decode


class EntryText(msgspec.Struct, frozen=True):
    """The text of an entry alone, which decodes faster than all of it."""

    text: Body


decode_text: Final = msgspec.json.Decoder(EntryText).decode


class EntryRow(HistoryEntry, frozen=True, kw_only=True, gc=False):
    """An entry whose own fields of the app are checked apart, so that loading makes no maps."""

    fields: msgspec.Raw = msgspec.Raw(b"")  # type: ignore[assignment]  # read as bytes, never handed on


_decode_row: Final = msgspec.json.Decoder(EntryRow).decode
_decode_fields: Final = msgspec.json.Decoder(Fields).decode

NO_FIELDS: Final = (b"", b"{}")

StoredEntry = tuple[int, EntryRow, bytes]
"""Position (see `position_of`), entry, and the JSON as it lies on disk, with fields of later versions."""


class UnfitEntry(NamedTuple):
    """What lies in the place of an entry and is none.

    Attributes:
        id: the id that it names; empty for none.
        body: as it was found.
        problem: what is wrong with it.
    """

    id: str
    body: bytes
    problem: str


class Batch(msgspec.Struct, frozen=True):
    """Content of a batch line: the changes that were committed together.

    Attributes:
        put: entries as JSON; each replaces an earlier one with its id.
        remove: ids of entries that no longer exist.
    """

    put: Many[msgspec.Raw] = []
    remove: Many[Identifier] = []


class StoredBatch(NamedTuple):
    """A batch line, decoded.

    Attributes:
        put, remove: see `Batch`.
        unfit: what is no entry; all of the content if it is no batch.
    """

    put: list[StoredEntry]
    remove: list[str]
    unfit: list[UnfitEntry]


_decode_batch: Final = msgspec.json.Decoder(Batch).decode


def read_batch(content: bytes) -> StoredBatch:
    """Decode the content of a batch line. What does not fit costs only itself."""
    try:
        batch = _decode_batch(content)
    except UNREADABLE as error:
        return StoredBatch([], [], [UnfitEntry("", content, str(error))])
    bodies = list(map(bytes, batch.put))
    try:
        return StoredBatch(list(map(stored_entry, bodies)), batch.remove, [])
    except UNREADABLE:  # at least one: look at each
        return StoredBatch(*_sorted(bodies, batch.remove))


def stored_entry(body: bytes) -> StoredEntry:
    """Decode an entry.

    Raises:
        msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError: it is none, or its values are
            beyond the limits.
    """
    row = _decode_row(body)
    if (fields := bytes(row.fields)) not in NO_FIELDS:
        _decode_fields(fields)
    return position_of(row.id), row, body


def _sorted(bodies: list[bytes], remove: list[str]) -> tuple[list[StoredEntry], list[str], list[UnfitEntry]]:
    fit: list[StoredEntry] = []
    unfit: list[UnfitEntry] = []
    for body in bodies:
        try:
            fit.append(stored_entry(body))
        except UNREADABLE as error:
            unfit.append(UnfitEntry(_id_in(body), body, str(error)))
    return fit, remove, unfit


def position_of(entry_id: str) -> int:
    """Return the first 63 meaningful bits of a UUIDv7 (RFC 9562, section 5.7).

    They are 48 of time, 12 of the counter, and 3 random ones.

    Raises:
        ValueError: it is not a UUID.
    """
    # The digits of time, counter, variant and randomness: uuid.UUID takes ten times as long, which counts for
    # each entry that is loaded.
    digits = entry_id[:8] + entry_id[9:13] + entry_id[15:18] + entry_id[19:21]
    if len(entry_id) != ID_LENGTH or not digits.isalnum():
        raise ValueError("its id is not a UUID")
    number = int(digits, 16)
    position = (number >> 8) << 3 | number >> 3 & 0b111
    return position if position < LAST_POSITION else LAST_POSITION


class _IdOnly(msgspec.Struct):
    id: Word = ""


def _id_in(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=_IdOnly).id
    except UNREADABLE:
        return ""
