"""The record of a revision: a JSON file in its directory that names the revision and its files.

It lies inside so that it moves with the directory: what a rename makes active says itself what it is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

import msgspec

from actors.model_downloader.staging.staging_journal import FileState, StagingState
from actors.shared.durable.record_file import RecordFile
from actors.shared.places.rooted_place import AnyPlace
from schemas.bounds import Count, Identifier, InnerPlace, Many, UrlText, Word
from schemas.manifest import FilePromise, ModelEntry

RECORD_NAME = ".undercroft.json"
RECORD_LIMIT_BYTES = 16 * 1024 * 1024
FORMAT = 1
SHORT_DIGEST = 16
_NOWHERE = "installed:"
"""Stands in for the URL of a file that was unpacked, or whose revision the manifest no longer names."""


class InstalledFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file of an installed model.

    Attributes:
        archive: path of the archive that it was unpacked from; empty for none.
        url, etag, last_modified, validator: where it came from, as its journal said, so that single pieces
            can be fetched again.
    """

    path: InnerPlace
    size_bytes: Count
    sha256: Identifier
    archive: Word = ""
    url: UrlText = ""
    etag: UrlText = ""
    last_modified: UrlText = ""
    validator: UrlText | None = None


class RevisionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What a directory holds.

    Attributes:
        revision: name of the revision, for people.
        promises: digest of what the manifest promised; tells whether it is what the manifest wants now.
        sequence: counts the activations of a model; tells which of two directories is newer.
    """

    model_id: Word
    revision: Identifier
    promises: Identifier
    sequence: Count
    contents: Many[InstalledFile]
    format: Count = FORMAT

    @property
    def size_bytes(self) -> int:
        """Bytes of all its files."""
        return sum(content.size_bytes for content in self.contents)


def promises_digest(entry: ModelEntry) -> str:
    """SHA-256 over what decides which bytes are installed: paths, digests, archives; not names or URLs."""
    decisive = [
        (file.path, file.size_bytes, file.sha256, msgspec.to_builtins(file.unpack)) for file in entry.files
    ]
    encoded = json.dumps(sorted(decisive, key=lambda file: file[0]), sort_keys=True)
    return hashlib.sha256(encoded.encode()).hexdigest()


def revision_of(entry: ModelEntry) -> str:
    """Name of the revision that the manifest wants."""
    return entry.revision or promises_digest(entry)[:SHORT_DIGEST]


def shown_revision(record: RevisionRecord | None, entry: ModelEntry) -> str:
    """Name of an installed revision, for people.

    If it has the name of the wanted revision but other bytes, a digest tells them apart.
    """
    if record is None or record.promises == promises_digest(entry):
        return revision_of(entry)
    if record.revision == revision_of(entry):
        return f"{record.revision}@{record.promises[:SHORT_DIGEST]}"
    return record.revision


def record_of(
    entry: ModelEntry,
    members: Mapping[str, list[InstalledFile]],
    sequence: int,
    state: StagingState | None = None,
) -> RevisionRecord:
    """The record of a model that was fetched as the manifest promises.

    Args:
        entry: what the manifest says of it.
        members: what was unpacked from each of its archives, by their paths.
        sequence: one more than that of every earlier revision.
        state: what the journal says of where the files came from; None if there is no journal.
    """
    sources = {file.path: file for file in state.files} if state else {}
    contents: list[InstalledFile] = []
    for file in entry.files:
        unpacked = members.get(file.path)
        contents += unpacked if unpacked is not None else [_content(file, sources.get(file.path))]
    return RevisionRecord(
        model_id=entry.id,
        revision=revision_of(entry),
        promises=promises_digest(entry),
        sequence=sequence,
        contents=contents,
    )


def _content(file: FilePromise, source: FileState | None) -> InstalledFile:
    if source is None:
        return InstalledFile(path=file.path, size_bytes=file.size_bytes, sha256=file.sha256)
    return InstalledFile(
        path=file.path,
        size_bytes=file.size_bytes,
        sha256=file.sha256,
        url=source.url,
        etag=source.etag,
        last_modified=source.last_modified,
        validator=source.validator,
    )


def promises_of(record: RevisionRecord, entry: ModelEntry) -> list[FilePromise]:
    """What the verifier compares the files of an installed revision with."""
    known: dict[str, FilePromise] = {}
    if record.promises == promises_digest(entry):
        known = {file.path: file for file in entry.files if file.unpack is None}
    return [known.get(content.path) or _promise(content) for content in record.contents]


def _promise(content: InstalledFile) -> FilePromise:
    return FilePromise(
        path=content.path,
        size_bytes=content.size_bytes,
        sha256=content.sha256,
        urls=[_NOWHERE + content.path],
    )


def read_record(directory: AnyPlace) -> RevisionRecord | None:
    """The record of a directory; None if there is none that can be read.

    What was installed before there were records has none.
    """
    return _file_in(directory).load()


def write_record(directory: AnyPlace, record: RevisionRecord) -> None:
    """Put a record into a directory, durably.

    Raises:
        DurableWriteFailed: the disk refused.
        RecordTooLarge: the revision has too many files.
    """
    _file_in(directory).write(record)


def _file_in(directory: AnyPlace) -> RecordFile[RevisionRecord]:
    return RecordFile(directory / RECORD_NAME, RevisionRecord, limit_bytes=RECORD_LIMIT_BYTES, format=FORMAT)
