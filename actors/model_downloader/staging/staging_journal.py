"""The journal of one staging directory: what is wished, where the bytes came from, and how many of them are durable."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import msgspec

from actors.model_downloader.staging.byte_ranges import (
    ByteRange,
    ByteRanges,
    fit_into,
    prefix_bytes,
    total_bytes,
)
from actors.shared.durable.durable_write import replace_file
from schemas.manifest import FilePromise, ModelEntry

JOURNAL_NAME = "journal.json"
JOURNAL_LIMIT_BYTES = 4 * 1024 * 1024
FORMAT = 1


class FileState(msgspec.Struct, frozen=True, kw_only=True):
    """How far one file is.

    Attributes:
        size_bytes, sha256: what the manifest promised when these bytes were fetched; other promises make them
            worthless.
        url: where they came from.
        etag, last_modified: as the server sent them.
        validator: the strong one of the two, if there is one; only with it can a fetch be resumed.
        durable_bytes: these are on the platters: counted after the fsync of the file, never before.
        ranges: where they lie, as [start, end) pairs; empty if they are simply the first ones.
    """

    path: str
    size_bytes: int
    sha256: str
    url: str = ""
    etag: str = ""
    last_modified: str = ""
    validator: str | None = None
    durable_bytes: int = 0
    ranges: list[ByteRange] = []

    @property
    def durable_ranges(self) -> ByteRanges:
        """Which bytes are durable; none if the journal contradicts itself."""
        found = tuple(self.ranges) or (((0, self.durable_bytes),) if self.durable_bytes else ())
        return found if fit_into(found, self.size_bytes) and total_bytes(found) == self.durable_bytes else ()

    @property
    def prefix_bytes(self) -> int:
        """How many bytes are durable from the first one on without a gap."""
        return prefix_bytes(self.durable_ranges)


class StagingState(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a staging directory.

    Attributes:
        wanted: the install is to go on; False keeps the bytes for a later wish.
        paused: it is to go on once a person says so.
        attempt: counts the requests that fetched bytes, from 1.
        fetched_bytes: bytes that came over the network for this install, over all attempts.
        boot: in which run of the machine the files were last written; None if bytes beyond the journal must
            not be trusted.
    """

    model_id: str
    files: list[FileState]
    format: int = FORMAT
    wanted: bool = True
    paused: bool = False
    attempt: int = 0
    fetched_bytes: int = 0
    boot: str | None = None

    @property
    def durable_bytes(self) -> int:
        """Over all files."""
        return sum(file.durable_bytes for file in self.files)

    def file(self, path: str) -> FileState:
        """State of one file, by its path in the manifest."""
        return next(file for file in self.files if file.path == path)


class StagingJournal:
    """The journal on disk and in memory; safe to use from the threads that write and sync."""

    def __init__(self, directory: Path, journal: StagingState) -> None:
        self._path = directory / JOURNAL_NAME
        self._journal = self._saved = journal
        self._lock = threading.Lock()
        self._saving = threading.Lock()

    @property
    def state(self) -> StagingState:
        """What is known now; an immutable snapshot."""
        with self._lock:
            return self._journal

    @property
    def saved(self) -> StagingState:
        """What was last made durable: only this may be told."""
        with self._lock:
            return self._saved

    def change(self, **changes: Any) -> None:
        """Change fields in memory."""
        with self._lock:
            self._journal = msgspec.structs.replace(self._journal, **changes)

    def change_file(self, path: str, **changes: Any) -> None:
        """Change the fields of one file in memory. A number of durable bytes means the first ones."""
        if "durable_bytes" in changes:
            changes.setdefault("ranges", [])
        with self._lock:
            files = [
                msgspec.structs.replace(file, **changes) if file.path == path else file
                for file in self._journal.files
            ]
            self._journal = msgspec.structs.replace(self._journal, files=files)

    def keep(self, path: str, extents: ByteRanges) -> None:
        """These bytes of a file are durable, and no others; in memory."""
        simple = extents == () or (len(extents) == 1 and extents[0][0] == 0)
        self.change_file(path, durable_bytes=total_bytes(extents), ranges=[] if simple else list(extents))

    def save(self) -> None:
        """Make what is known durable.

        Raises:
            DurableWriteFailed: it could not be written; the earlier journal is still there.
        """
        with self._saving:
            journal = self.state
            replace_file(self._path, msgspec.json.encode(journal))
            with self._lock:
                self._saved = journal


def read_journal(directory: Path) -> StagingState | None:
    """The journal of a staging directory; None if there is none that can be read."""
    try:
        with (directory / JOURNAL_NAME).open("rb") as file:
            content = file.read(JOURNAL_LIMIT_BYTES + 1)
        journal = msgspec.json.decode(content, type=StagingState)
    except (OSError, msgspec.DecodeError, RecursionError):
        return None
    return journal if journal.format == FORMAT else None


def reconcile(entry: ModelEntry, journal: StagingState | None) -> StagingState:
    """The journal for what the manifest promises now: of files whose promise changed nothing is kept.

    Without a journal nothing is known of the files that lie there: whoever opens the directory measures them.
    """
    known = {file.path: file for file in journal.files} if journal else {}
    files = [_state(promise, known.get(promise.path)) for promise in entry.files]
    if journal is None:
        return StagingState(model_id=entry.id, files=files)
    return msgspec.structs.replace(journal, model_id=entry.id, files=files)


def _state(promise: FilePromise, known: FileState | None) -> FileState:
    if known and (known.size_bytes, known.sha256) == (promise.size_bytes, promise.sha256):
        return known
    return FileState(path=promise.path, size_bytes=promise.size_bytes, sha256=promise.sha256)
