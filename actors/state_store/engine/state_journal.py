"""Intentions, durable before anything is replaced: what a batch is to change, several files at once, is one record.

A segment is a file of records; those that were appended together have one digest. Its end may be torn by a
crash: such records were never acknowledged. It is made longer than what it holds: writing over zeros changes
no metadata,
and a sync need not wait for those. The digest is salted with a random part of the segment's name, so that no
value can hold what passes for a
record. A segment goes once all that it holds is durable in its own files; at a start, what is left is applied
again,
in order. So one fsync makes any number of changes durable, and a batch is there whole or not at all.
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
from typing import Final

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
"""A segment grows by so many zeros at once."""


class Change(msgspec.Struct, frozen=True, array_like=True):
    """What one file is to hold; None: it is to go. `path` is relative to the store, with slashes."""

    path: str
    content: bytes | None


class Record(msgspec.Struct, frozen=True, array_like=True):
    """One intention.

    Attributes:
        number: counts records over all segments.
        revision: the newest revision that was given when it was written.
        changes: all of them, or none.
        voids: number of an earlier record that was not carried out and never is to be; 0 for none.
    """

    number: int
    revision: int
    changes: list[Change] = []
    voids: int = 0


_NAME: Final = re.compile(rf"(\d{{16}})-([0-9a-f]{{{2 * SALT_BYTES}}}){re.escape(SEGMENT_SUFFIX)}")
_decoder: Final = msgspec.msgpack.Decoder(list[Record])


@dataclass
class Found:
    """What a segment holds.

    Attributes:
        good_bytes: length up to the end of the last record that can be read.
        is_torn: there is something after it, as a crash leaves it.
        is_damaged: something in front of it cannot be read, which no crash does.
    """

    records: list[Record] = field(default_factory=list)
    good_bytes: int = 0
    is_torn: bool = False
    is_damaged: bool = False


def pack(*records: Record, salt: bytes = b"") -> bytes:
    """The bytes of some records that are read again all or none."""
    payload = msgspec.msgpack.encode(records)
    return _HEAD.pack(MAGIC, len(payload), _digest(payload, salt)) + payload


def parse(content: bytes, salt: bytes = b"") -> Found:
    """Read a segment with its salt. What cannot be read is passed over, up to the next record that can be."""
    found = Found()
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
    """Serial and salt of a segment by its name; None if it is no segment."""
    match = _NAME.fullmatch(name)
    return (int(match[1]), bytes.fromhex(match[2])) if match else None


def outcome(records: Sequence[Record]) -> dict[str, bytes | None]:
    """What the files are to hold after these records, by path."""
    void = {record.voids for record in records if record.voids}
    after: dict[str, bytes | None] = {}
    for record in records:
        if record.number not in void:
            for change in record.changes:
                after.pop(change.path, None)
                after[change.path] = change.content
    return after


class Journal:
    """The segments of one store. One thread appends; `sealed` ones may be removed by another."""

    def __init__(self, directory: Path, disk: Disk = REAL_DISK) -> None:
        self._directory = directory
        self._disk = disk
        self._descriptor = -1
        self._path = directory
        self._serial = 0
        self._salt = b""
        self._number = 0
        self._room_bytes = 0
        self.size_bytes = 0

    def recover(self) -> tuple[list[Record], list[Path], list[Path]]:
        """Read what former lives left: all records in order, the segments they came from, and those that are damaged.

        Raises:
            OSError: a segment cannot be read.
        """
        make_directory(self._directory)
        records, segments, damaged = self.read()
        if segments:
            self._serial = max(named[0] for segment in segments if (named := read_name(segment.name)))
        self._number = max((record.number for record in records), default=0)
        return records, segments, damaged

    def read(self) -> tuple[list[Record], list[Path], list[Path]]:
        """All records in order, the segments they are in, and those of them that are damaged.

        Raises:
            OSError: a segment cannot be read.
        """
        named = {path: name for path in sorted(self._directory.iterdir()) if (name := read_name(path.name))}
        segments = list(named)
        found = [parse(segment.read_bytes(), salt) for segment, (_, salt) in named.items()]
        damaged = [segment for segment, one in zip(segments, found, strict=True) if one.is_damaged]
        return [record for one in found for record in one.records], segments, damaged

    def begin(self, revision: int) -> Path | None:
        """Go on in a new segment; returns the one before, which nobody appends to any more.

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
            size_bytes = self._write(descriptor, pack(Record(self._number, revision), salt=salt))
            room_bytes = _pad(descriptor, size_bytes)
            step = "sync"
            self._disk.sync(descriptor)
            step = "sync_directory"
            self._disk.sync_directory(self._directory)
        except OSError as error:
            if descriptor >= 0:
                os.close(descriptor)
                with contextlib.suppress(OSError):
                    self._disk.unlink(path)
            raise DurableWriteFailed(
                str(path), step, error.errno or 0, error.strerror or str(error)
            ) from error
        before = self._path if self._descriptor >= 0 else None
        self.close()
        self._descriptor, self._path, self._serial, self._salt = descriptor, path, self._serial + 1, salt
        self.size_bytes, self._room_bytes = size_bytes, room_bytes
        return before

    def append(self, revision: int, groups: Sequence[Sequence[Change]]) -> list[int]:
        """Make one record of each group of changes, all durable with one sync; returns their numbers.

        Raises:
            DurableWriteFailed: none of them is, nor ever will be.
            OSError: whether they are cannot be told; the store must not go on.
        """
        if self._descriptor < 0:
            raise DurableWriteFailed(
                str(self._directory), "create", errno.ENOSPC, "the disk took no new segment of the journal"
            )
        first = self._number + 1
        records = [Record(first + at, revision, list(changes)) for at, changes in enumerate(groups)]
        self._append(pack(*records, salt=self._salt))
        self._number += len(records)
        return [record.number for record in records]

    def void(self, number: int, revision: int) -> None:
        """Say durably that a record is not to be carried out.

        Raises:
            DurableWriteFailed, OSError: see `append`.
        """
        self._append(pack(Record(self._number + 1, revision, voids=number), salt=self._salt))
        self._number += 1

    def close(self) -> None:
        """Let go of the segment."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _append(self, content: bytes) -> None:
        step = "write"
        try:
            end_bytes = self.size_bytes + self._write(self._descriptor, content)
            if end_bytes > self._room_bytes:
                self._room_bytes = _pad(self._descriptor, end_bytes)
            step = "sync"
            self._disk.sync_data(self._descriptor)
        except OSError as error:
            self._room_bytes = self.size_bytes
            os.ftruncate(
                self._descriptor, self.size_bytes
            )  # what was half written must not come back at the next start
            os.lseek(self._descriptor, self.size_bytes, os.SEEK_SET)
            os.fsync(self._descriptor)
            raise DurableWriteFailed(
                str(self._path), step, error.errno or 0, error.strerror or str(error)
            ) from error
        self.size_bytes += len(content)

    def _write(self, descriptor: int, content: bytes) -> int:
        rest = memoryview(content)
        while rest:
            rest = rest[self._disk.write(descriptor, rest) :]
        return len(content)


def _pad(descriptor: int, size_bytes: int) -> int:
    """Put zeros behind what a segment holds; returns how long it is then. Where there is no space, it has to do without."""
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


def remove(segments: Sequence[Path]) -> None:
    """Remove segments, the oldest first, each durably before the next: an older one must never outlive a newer one."""
    for segment in segments:
        remove_file(segment)
    if segments:
        sync_directory(segments[-1].parent)


def _records_at(content: bytes, at: int, salt: bytes) -> tuple[list[Record], int] | None:
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
