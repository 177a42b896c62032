"""The journal: intentions that are durable before any file is replaced.

A batch changes several files at once and is one record. A segment is a file of records. Records that were
appended together share one digest, so one sync makes any number of changes durable, and a batch is applied
whole or not at all.

The end of a segment may be torn by a crash; such records were never acknowledged. A segment is longer than
its records: writing over zeros changes no metadata, and the sync does not wait for any. The digest is salted
with a random part of the segment's name, so that no value can contain something that looks like a record.

A segment is removed once everything in it is durable in its own file. At a start, the remaining segments are
applied again, in order.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from actors.shared.durable.durable_write import (
    REAL_DISK,
    Disk,
    DurableWriteFailed,
    make_directory,
    remove_file,
    sync_directory,
)

MAGIC: Final = b"UCj1"
_HEAD: Final = struct.Struct("<4sI16s")
RECORD_LIMIT_BYTES: Final = 512 * 1024 * 1024
SEGMENT_SUFFIX: Final = ".log"
SALT_BYTES: Final = 16
PADDING_BYTES: Final = 1024 * 1024
"""How many zeros a segment grows by at once."""


class FileChange(msgspec.Struct, frozen=True, array_like=True):
    """The content that one file must have; None: it must go. `path` is relative to the store."""

    path: str
    content: bytes | None


class JournalRecord(msgspec.Struct, frozen=True, array_like=True):
    """One intention.

    Attributes:
        number: counts records over all segments.
        revision: the newest revision that was given when the record was written.
        changes: applied all or none.
        voids: number of an earlier record that must not be applied; 0 for none.
    """

    number: int
    revision: int
    changes: list[FileChange] = []
    voids: int = 0


_NAME: Final = re.compile(rf"(\d{{16}})-([0-9a-f]{{{2 * SALT_BYTES}}}){re.escape(SEGMENT_SUFFIX)}")
_decoder: Final = msgspec.msgpack.Decoder(list[JournalRecord])


@dataclass
class ParsedSegment:
    """What a segment holds.

    Attributes:
        good_bytes: length up to the end of the last readable record.
        is_torn: something follows it, as after a crash.
        is_damaged: something before it cannot be read, which no crash causes.
    """

    records: list[JournalRecord] = field(default_factory=list)
    good_bytes: int = 0
    is_torn: bool = False
    is_damaged: bool = False


class JournalContent(NamedTuple):
    """All records in order, the segments that hold them, and the damaged ones among these."""

    records: list[JournalRecord]
    segments: list[Path]
    damaged: list[Path]


def pack(*records: JournalRecord, salt: bytes = b"") -> bytes:
    """The bytes of some records, which are later read all or none."""
    payload = msgspec.msgpack.encode(records)
    return _HEAD.pack(MAGIC, len(payload), _digest(payload, salt)) + payload


def parse(content: bytes, salt: bytes = b"") -> ParsedSegment:
    """Read a segment with its salt. Unreadable parts are skipped, up to the next readable record."""
    found = ParsedSegment()
    at = 0
    is_between = False
    while at < len(content):
        read = _records_at(content, at, salt)
        if read is None:
            is_between = True
            at = content.find(MAGIC, at + 1)
            if at < 0:
                break
            continue
        records, at = read
        found.records += records
        found.good_bytes = at
        found.is_damaged = found.is_damaged or is_between
        is_between = False
    found.is_torn = bool(content[found.good_bytes :].strip(b"\0"))
    return found


def name_of(serial: int, salt: bytes) -> str:
    """Name of a segment; names sort by serial."""
    return f"{serial:016d}-{salt.hex()}{SEGMENT_SUFFIX}"


def read_name(name: str) -> tuple[int, bytes] | None:
    """Serial and salt of a segment from its name; None if it is not a segment."""
    match = _NAME.fullmatch(name)
    return (int(match[1]), bytes.fromhex(match[2])) if match else None


def final_contents(records: Sequence[JournalRecord]) -> dict[str, bytes | None]:
    """The content of each file, by path, after these records were applied."""
    void = {record.voids for record in records if record.voids}
    after: dict[str, bytes | None] = {}
    for record in records:
        if record.number not in void:
            for change in record.changes:
                after.pop(change.path, None)
                after[change.path] = change.content
    return after


class StateJournal:
    """The segments of one store. One thread appends; another may remove complete segments.

    Attributes:
        size_bytes: length of the records in the present segment.
    """

    def __init__(self, directory: Path, disk: Disk = REAL_DISK) -> None:
        self._directory = directory
        self._disk = disk
        self._descriptor = -1
        self._path = directory
        self._serial = 0
        self._salt = b""
        self._number = 0
        self._padded_bytes = 0
        self.size_bytes = 0

    def recover(self) -> JournalContent:
        """Read what earlier runs left, and go on behind their numbers.

        Raises:
            OSError: a segment cannot be read.
        """
        make_directory(self._directory)
        content = self.read()
        if content.segments:
            self._serial = max(named[0] for path in content.segments if (named := read_name(path.name)))
        self._number = max((record.number for record in content.records), default=0)
        return content

    def read(self) -> JournalContent:
        """Read all segments.

        Raises:
            OSError: a segment cannot be read.
        """
        named = {path: name for path in sorted(self._directory.iterdir()) if (name := read_name(path.name))}
        segments = list(named)
        found = [parse(segment.read_bytes(), salt) for segment, (_, salt) in named.items()]
        damaged = [segment for segment, one in zip(segments, found, strict=True) if one.is_damaged]
        return JournalContent([record for one in found for record in one.records], segments, damaged)

    def begin(self, revision: int) -> Path | None:
        """Begin a new segment; returns the one before, which takes no more records.

        Raises:
            DurableWriteFailed: it cannot be made; the one before goes on.
        """
        salt = os.urandom(SALT_BYTES)
        path = self._directory / name_of(self._serial + 1, salt)
        step = "create"
        descriptor = -1
        try:
            descriptor = self._disk.create(path)
            step = "write"
            size_bytes = self._write(descriptor, pack(JournalRecord(self._number, revision), salt=salt))
            padded_bytes = _pad(descriptor, size_bytes)
            step = "sync"
            self._disk.sync(descriptor)
            step = "sync_directory"
            self._disk.sync_directory(self._directory)
        except OSError as error:
            if descriptor >= 0:
                os.close(descriptor)
                with contextlib.suppress(OSError):
                    self._disk.unlink(path)
            raise _failed(path, step, error) from error
        before = self._path if self._descriptor >= 0 else None
        self.close()
        self._descriptor, self._path, self._serial, self._salt = descriptor, path, self._serial + 1, salt
        self.size_bytes, self._padded_bytes = size_bytes, padded_bytes
        return before

    def append(self, revision: int, groups: Sequence[Sequence[FileChange]]) -> list[int]:
        """Make one record of each group of changes, all durable with one sync; returns their numbers.

        Raises:
            DurableWriteFailed: none of them is durable or ever will be.
            OSError: nobody can tell whether they are; the store must stop.
        """
        if self._descriptor < 0:
            reason = "the disk took no new segment of the journal"
            raise DurableWriteFailed(str(self._directory), "create", errno.ENOSPC, reason)
        first = self._number + 1
        records = [JournalRecord(first + at, revision, list(changes)) for at, changes in enumerate(groups)]
        self._append(pack(*records, salt=self._salt))
        self._number += len(records)
        return [record.number for record in records]

    def void(self, number: int, revision: int) -> None:
        """Note durably that a record must not be applied.

        Raises:
            DurableWriteFailed, OSError: see `append`.
        """
        self._append(pack(JournalRecord(self._number + 1, revision, voids=number), salt=self._salt))
        self._number += 1

    def close(self) -> None:
        """Close the present segment."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _append(self, content: bytes) -> None:
        step = "write"
        try:
            end_bytes = self.size_bytes + self._write(self._descriptor, content)
            if end_bytes > self._padded_bytes:
                self._padded_bytes = _pad(self._descriptor, end_bytes)
            step = "sync"
            self._disk.sync_data(self._descriptor)
        except OSError as error:
            # A half-written record must not come back at the next start.
            self._padded_bytes = self.size_bytes
            os.ftruncate(self._descriptor, self.size_bytes)
            os.lseek(self._descriptor, self.size_bytes, os.SEEK_SET)
            os.fsync(self._descriptor)
            raise _failed(self._path, step, error) from error
        self.size_bytes += len(content)

    def _write(self, descriptor: int, content: bytes) -> int:
        rest = memoryview(content)
        while rest:
            rest = rest[self._disk.write(descriptor, rest) :]
        return len(content)


def remove_segments(segments: Sequence[Path]) -> None:
    """Remove segments, the oldest first, each durably: an older one must never outlive a newer one."""
    for segment in segments:
        remove_file(segment)
    if segments:
        sync_directory(segments[-1].parent)


def _pad(descriptor: int, size_bytes: int) -> int:
    """Put zeros behind the records; returns the length with them. A full disk gets no padding."""
    zeros = memoryview(bytes(PADDING_BYTES))
    try:
        while zeros:
            zeros = zeros[os.write(descriptor, zeros) :]
    except OSError:
        os.ftruncate(descriptor, size_bytes)
        return size_bytes
    finally:
        os.lseek(descriptor, size_bytes, os.SEEK_SET)
    return size_bytes + PADDING_BYTES


def _records_at(content: bytes, at: int, salt: bytes) -> tuple[list[JournalRecord], int] | None:
    if len(content) - at < _HEAD.size:
        return None
    magic, length, digest = _HEAD.unpack_from(content, at)
    start, end = at + _HEAD.size, at + _HEAD.size + length
    if magic != MAGIC or length > RECORD_LIMIT_BYTES or end > len(content):
        return None
    payload = content[start:end]
    if _digest(payload, salt) != digest:
        return None
    try:
        return _decoder.decode(payload), end
    except msgspec.DecodeError:
        return None


def _digest(payload: bytes, salt: bytes) -> bytes:
    return hashlib.blake2b(payload, digest_size=16, key=salt).digest()


def _failed(path: Path, step: str, error: OSError) -> DurableWriteFailed:
    return DurableWriteFailed(str(path), step, error.errno or 0, error.strerror or str(error))
