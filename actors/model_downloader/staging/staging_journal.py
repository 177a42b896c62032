"""The journal of a staging directory: whether it is wanted, where its bytes come from, which are durable."""

from __future__ import annotations

import threading
from typing import Any

import msgspec

from actors.model_downloader.staging.byte_ranges import (
    ByteRanges,
    fit_into,
    prefix_bytes,
    total_bytes,
)
from actors.shared.durable.quarantine import quarantine
from actors.shared.durable.record_file import RecordFile, RecordNotRead
from actors.shared.places.rooted_place import AnyPlace, below
from schemas.bounds import Count, Identifier, InnerPlace, Many, UrlText, Word
from schemas.manifest import FilePromise, ModelEntry

JOURNAL_NAME = "journal.json"
JOURNAL_LIMIT_BYTES = 16 * 1024 * 1024
"""More than the journal of the largest manifest that is read takes."""

FORMAT = 1


class FileState(msgspec.Struct, frozen=True, kw_only=True):
    """How far one file is.

    Attributes:
        size_bytes, sha256: what the manifest promised when these bytes were fetched; if it promises something
            else now, they are worthless.
        url: where they came from.
        etag, last_modified: as the server sent them.
        validator: the strong one of the two, if there is one; a fetch can be resumed only with it.
        durable_bytes: how many are on the disk; counted after the fsync of the file, never before.
        ranges: where they lie, as [start, end) pairs; empty if they are the first ones.
    """

    path: InnerPlace
    size_bytes: Count
    sha256: Identifier
    url: UrlText = ""
    etag: UrlText = ""
    last_modified: UrlText = ""
    validator: UrlText | None = None
    durable_bytes: Count = 0
    ranges: Many[tuple[Count, Count]] = []

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
        wanted: the install is to go on; False keeps the bytes in case somebody wants the model again.
        paused: it goes on once a person resumes it.
        attempt: number of the attempt, from 1.
        fetched_bytes: bytes that came over the network for this install, over all attempts.
        boot: in which run of the machine the files were last written; None if bytes beyond the journal must
            not be trusted.
    """

    model_id: Word
    files: Many[FileState]
    format: Count = FORMAT
    wanted: bool = True
    paused: bool = False
    attempt: Count = 0
    fetched_bytes: Count = 0
    boot: Identifier | None = None

    @property
    def durable_bytes(self) -> int:
        """Over all files."""
        return sum(file.durable_bytes for file in self.files)

    def file(self, path: str) -> FileState:
        """State of one file, by its path in the manifest."""
        return next(file for file in self.files if file.path == path)


class StagingJournal:
    """The journal in memory and on disk; safe to use from the threads that write and sync."""

    def __init__(self, directory: AnyPlace, state: StagingState) -> None:
        """Write nothing yet.

        Args:
            directory: the staging directory.
            state: what is known of it.
        """
        self._file = _file_in(directory)
        self._state = self._saved = state
        self._lock = threading.Lock()
        self._saving = threading.Lock()

    @property
    def state(self) -> StagingState:
        """What is known now; an immutable snapshot."""
        with self._lock:
            return self._state

    @property
    def saved(self) -> StagingState:
        """What was last made durable. Only this may be published."""
        with self._lock:
            return self._saved

    def change(self, **changes: Any) -> None:
        """Change fields, in memory."""
        with self._lock:
            self._state = msgspec.structs.replace(self._state, **changes)

    def change_file(self, path: str, **changes: Any) -> None:
        """Change fields of one file, in memory. A number of durable bytes means the first ones."""
        if "durable_bytes" in changes:
            changes.setdefault("ranges", [])
        with self._lock:
            files = [
                msgspec.structs.replace(file, **changes) if file.path == path else file
                for file in self._state.files
            ]
            self._state = msgspec.structs.replace(self._state, files=files)

    def keep(self, path: str, ranges: ByteRanges) -> None:
        """Note that these bytes of a file are durable and no others, in memory."""
        is_prefix = ranges == () or (len(ranges) == 1 and ranges[0][0] == 0)
        self.change_file(path, durable_bytes=total_bytes(ranges), ranges=[] if is_prefix else list(ranges))

    def save(self) -> None:
        """Make what is known durable.

        Raises:
            DurableWriteFailed: the disk refused; the earlier journal is still there.
        """
        with self._saving:
            state = self.state
            self._file.write(state)
            with self._lock:
                self._saved = state


def read_journal(directory: AnyPlace) -> StagingState | None:
    """What the journal of a staging directory says; None if there is none that can be read."""
    return _file_in(directory).load()


def claim_journal(directory: AnyPlace) -> StagingState | None:
    """As `read_journal`, for the writer of the next one: one that cannot be used is put aside first."""
    file = _file_in(directory)
    try:
        found = file.read_or_quarantine()
        if found.fault == "other_format":
            quarantine(below(directory) / JOURNAL_NAME)
    except (RecordNotRead, OSError):
        return None
    return found.value


def reconcile(entry: ModelEntry, journaled: StagingState | None) -> StagingState:
    """The state for what the manifest promises now. Of a file whose promise changed nothing is kept.

    Without a journal nothing is known of the files that lie there; `open_staging` measures them.
    """
    known = {file.path: file for file in journaled.files} if journaled else {}
    files = [_state(promise, known.get(promise.path)) for promise in entry.files]
    if journaled is None:
        return StagingState(model_id=entry.id, files=files)
    return msgspec.structs.replace(journaled, model_id=entry.id, files=files)


def _state(promise: FilePromise, known: FileState | None) -> FileState:
    if known and (known.size_bytes, known.sha256) == (promise.size_bytes, promise.sha256):
        return known
    return FileState(path=promise.path, size_bytes=promise.size_bytes, sha256=promise.sha256)


def _file_in(directory: AnyPlace) -> RecordFile[StagingState]:
    return RecordFile(directory / JOURNAL_NAME, StagingState, limit_bytes=JOURNAL_LIMIT_BYTES, format=FORMAT)
