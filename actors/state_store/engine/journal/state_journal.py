"""The journal: intentions that are durable before any file is replaced.

A batch changes several files at once and is one record. A segment is a file of records. Records that were
appended together share one digest, so one sync makes any number of changes durable, and a batch is applied
whole or not at all.

The end of a segment may be torn by a crash; such records were never acknowledged. Anything else that cannot
be read is damage: the segment is put aside once its readable records were applied. A segment is longer than
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
from typing import Annotated, Final, NamedTuple

import msgspec

from actors.shared.durable.bounded_read import NEVER_A_FILE, FileUnreadable, read_file
from actors.shared.durable.durable_write import (
    REAL_DISK,
    Disk,
    DurableWriteFailed,
    remove_file,
    sync_directory,
)
from actors.shared.durable.quarantine import claim_directory
from actors.state_store.engine.key_paths import is_place
from actors.state_store.engine.revision_counter import REVISION_LIMIT
from schemas.bounds import Count

MAGIC: Final = b"UCj1"
_HEAD: Final = struct.Struct("<4sI16s")
RECORD_LIMIT_BYTES: Final = 512 * 1024 * 1024
SEGMENT_LIMIT_BYTES: Final = 1024 * 1024 * 1024
"""A longer segment is neither written nor read. The store begins a new one long before."""

LOOKS: Final = 8
"""How often the length of a segment is digested, in search of records behind damage."""

SERIAL_LIMIT: Final = 10**15
"""A segment with a higher serial is none of ours. Serials may grow from there, and stay readable."""

SEGMENT_SUFFIX: Final = ".log"
SALT_BYTES: Final = 16
PADDING_BYTES: Final = 1024 * 1024
"""How many zeros a segment grows by at once."""


class FileChange(msgspec.Struct, frozen=True, array_like=True):
    """The content that one file must have; None: it must go. `path` is relative to the store."""

    path: Annotated[str, msgspec.Meta(max_length=512)]
    content: Annotated[bytes, msgspec.Meta(max_length=RECORD_LIMIT_BYTES)] | None


class JournalRecord(msgspec.Struct, frozen=True, array_like=True):
    """One intention.

    Attributes:
        number: counts records over all segments.
        revision: the newest revision that was given when the record was written.
        changes: applied all or none.
        voids: number of an earlier record that must not be applied; 0 for none.
    """

    number: Count
    revision: Count
    changes: Annotated[list[FileChange], msgspec.Meta(max_length=1_000_000)] = []
    voids: Count = 0


_NAME: Final = re.compile(rf"(\d{{16}})-([0-9a-f]{{{2 * SALT_BYTES}}}){re.escape(SEGMENT_SUFFIX)}")
_decoder: Final = msgspec.msgpack.Decoder(list[JournalRecord])


@dataclass
class ParsedSegment:
    """What a segment holds.

    Attributes:
        good_bytes: length up to the end of the last readable record.
        is_torn: something follows it, as after a crash.
        is_damaged: something cannot be read, or asks for what no record asks for, which no crash causes.
    """

    records: list[JournalRecord] = field(default_factory=list)
    good_bytes: int = 0
    is_torn: bool = False
    is_damaged: bool = False


class JournalContent(NamedTuple):
    """All records in order, the segments, and why some of these are damaged, or are none."""

    records: list[JournalRecord]
    segments: list[Path]
    damaged: dict[Path, str]


def pack(*records: JournalRecord, salt: bytes = b"") -> bytes:
    """The bytes of some records, which are later read all or none."""
    payload = msgspec.msgpack.encode(records)
    return _HEAD.pack(MAGIC, len(payload), _digest(payload, salt)) + payload


def parse(content: bytes, salt: bytes = b"") -> ParsedSegment:
    """Read a segment with its salt. Unreadable parts are skipped, up to the next readable record."""
    found = ParsedSegment()
    at = 0
    left_bytes = LOOKS * len(content)
    is_between = False
    while at < len(content):
        left_bytes -= _promised_bytes(content, at)
        read = _records_at(content, at, salt)
        if read is None:
            is_between = True
            at = content.find(MAGIC, at + 1)
            if at < 0:
                break
            if left_bytes < 0:
                found.is_damaged = True
                break
            continue
        records, at = read
        found.records += records or []
        found.good_bytes = at
        found.is_damaged = found.is_damaged or is_between or records is None
        is_between = False
    rest = memoryview(content)[found.good_bytes :]
    found.is_torn = _is_any(rest)
    if found.is_torn and bytes(rest[:1]) != b"\0" and not MAGIC.startswith(bytes(rest[: len(MAGIC)])):
        found.is_damaged = True  # a crash leaves the beginning of a record, or zeros
    return found


def name_of(serial: int, salt: bytes) -> str:
    """Name of a segment; names sort by serial."""
    return f"{serial:016d}-{salt.hex()}{SEGMENT_SUFFIX}"


def read_name(name: str) -> tuple[int, bytes] | None:
    """Serial and salt of a segment from its name; None if it is not a segment."""
    match = _NAME.fullmatch(name)
    if match is None or int(match[1]) > SERIAL_LIMIT:
        return None
    return int(match[1]), bytes.fromhex(match[2])


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
        claim_directory(self._directory)
        content = self.read()
        if content.segments:
            self._serial = max(named[0] for path in content.segments if (named := read_name(path.name)))
        numbers = (record.number for record in content.records if record.number <= REVISION_LIMIT)
        self._number = max(numbers, default=0)
        return content

    def read(self) -> JournalContent:
        """Read all segments.

        Raises:
            OSError: a segment cannot be read.
        """
        named = {path: name for path in sorted(self._directory.iterdir()) if (name := read_name(path.name))}
        content = JournalContent([], list(named), {})
        for segment, (_, salt) in named.items():
            try:
                found = parse(read_file(segment, SEGMENT_LIMIT_BYTES) or b"", salt)
            except FileUnreadable as error:
                if error.found not in (*NEVER_A_FILE, "unreadable"):
                    raise OSError(errno.EIO, error.detail, str(segment)) from error
                content.damaged[segment] = f"it cannot be read ({error.detail})"
                continue
            content.records.extend(found.records)
            if found.is_damaged:
                content.damaged[segment] = "records in it cannot be read"
        return content

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
        if self.size_bytes > SEGMENT_LIMIT_BYTES - RECORD_LIMIT_BYTES:
            reason = f"its segment has {self.size_bytes} bytes, and the disk takes no new one"
            raise DurableWriteFailed(str(self._path), "write", errno.EFBIG, reason)
        if self._descriptor < 0:
            reason = "the disk took no new segment of the journal"
            raise DurableWriteFailed(str(self._directory), "create", errno.ENOSPC, reason)
        first = self._number + 1
        records = [JournalRecord(first + at, revision, list(changes)) for at, changes in enumerate(groups)]
        packed = pack(*records, salt=self._salt)
        if len(packed) > RECORD_LIMIT_BYTES:
            reason = f"the changes have {len(packed)} bytes, expected at most {RECORD_LIMIT_BYTES}"
            raise DurableWriteFailed(str(self._path), "write", errno.EFBIG, reason)
        self._append(packed)
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


def _records_at(content: bytes, at: int, salt: bytes) -> tuple[list[JournalRecord] | None, int] | None:
    """The records that begin at a place, and their end; None in place of records that no store writes."""
    length = _promised_bytes(content, at)
    if not length:
        return None
    _, _, digest = _HEAD.unpack_from(content, at)
    end = at + _HEAD.size + length
    payload = memoryview(content)[end - length : end]
    if _digest(payload, salt) != digest:
        return None
    try:
        records = _decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None, end
    return (records if all(map(_is_ours, records)) else None), end


def _promised_bytes(content: bytes, at: int) -> int:
    """Length of what a head at this place promises; 0 if there is no head, or less follows."""
    if len(content) - at < _HEAD.size:
        return 0
    magic, length, _ = _HEAD.unpack_from(content, at)
    fits = magic == MAGIC and length <= RECORD_LIMIT_BYTES and at + _HEAD.size + length <= len(content)
    return length if fits else 0


def _is_ours(record: JournalRecord) -> bool:
    """Whether a whole record is one that this store may have written."""
    return all(is_place(change.path) for change in record.changes)


def _is_any(rest: memoryview) -> bool:
    """Whether anything but zeros is left; looks at a part at a time."""
    zeros = bytes(PADDING_BYTES)
    return any(
        rest[at : at + PADDING_BYTES] != zeros[: len(rest) - at] for at in range(0, len(rest), PADDING_BYTES)
    )


def _digest(payload: bytes | memoryview, salt: bytes) -> bytes:
    return hashlib.blake2b(payload, digest_size=16, key=salt).digest()


def _failed(path: Path, step: str, error: OSError) -> DurableWriteFailed:
    return DurableWriteFailed(str(path), step, error.errno or 0, error.strerror or str(error))
