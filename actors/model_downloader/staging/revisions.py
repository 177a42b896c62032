"""Which revision of a model lies in a directory, and of which files it consists: one small JSON file inside it.

It lies inside so that it moves with the directory: whatever a rename makes active says itself what it is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import msgspec

from actors.model_downloader.staging.staging_journal import FileState, StagingState
from actors.shared.durable.durable_write import replace_file
from schemas.manifest import FilePromise, ModelEntry

RECORD_NAME = ".undercroft.json"
RECORD_LIMIT_BYTES = 16 * 1024 * 1024
FORMAT = 1
SHORT_DIGEST = 16
_NOWHERE = "installed:"
"""Stands in for a URL of a file that came out of an archive, or whose revision the manifest no longer names."""


class InstalledFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file of an installed model.

    Attributes:
        archive: path of the archive that it came out of, if it did.
        url, etag, last_modified, validator: where it came from, as its journal knew it, so that single pieces
            can be fetched again.
    """

    path: str
    size_bytes: int
    sha256: str
    archive: str = ""
    url: str = ""
    etag: str = ""
    last_modified: str = ""
    validator: str | None = None


class RevisionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What a directory holds.

    Attributes:
        revision: name of the revision, for people.
        promises: digest of what the manifest promised of it; tells whether it is what the manifest wants now.
        sequence: counts the activations of a model; tells which of two directories is the newer one.
    """

    model_id: str
    revision: str
    promises: str
    sequence: int
    contents: list[InstalledFile]
    format: int = FORMAT

    @property
    def size_bytes(self) -> int:
        """Bytes of all its files."""
        return sum(content.size_bytes for content in self.contents)


def promises_digest(entry: ModelEntry) -> str:
    """SHA-256 over what decides which bytes are installed: paths, digests, archives. Not over names, URLs and licences."""
    decisive = [
        (file.path, file.size_bytes, file.sha256, msgspec.to_builtins(file.unpack)) for file in entry.files
    ]
    return hashlib.sha256(
        json.dumps(sorted(decisive, key=lambda file: file[0]), sort_keys=True).encode()
    ).hexdigest()


def revision_of(entry: ModelEntry) -> str:
    """Name of the revision that the manifest wants."""
    return entry.revision or promises_digest(entry)[:SHORT_DIGEST]


def shown_revision(record: RevisionRecord | None, entry: ModelEntry) -> str:
    """Name of an installed revision. One that bears the name of the wanted one but holds other bytes is told apart."""
    if record is None or record.promises == promises_digest(entry):
        return revision_of(entry)
    return (
        record.revision
        if record.revision != revision_of(entry)
        else f"{record.revision}@{record.promises[:SHORT_DIGEST]}"
    )


def record_of(
    entry: ModelEntry,
    members: Mapping[str, list[InstalledFile]],
    sequence: int,
    journal: StagingState | None = None,
) -> RevisionRecord:
    """The record of a model that was fetched as the manifest promises.

    Args:
        entry: what the manifest says of it.
        members: what came out of each of its archives, by their paths.
        sequence: one more than that of every revision before.
        journal: knows where the files came from; None if nothing is known of that.
    """
    sources = {state.path: state for state in journal.files} if journal else {}
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
    """What the files of an installed revision have to keep, for the verifier."""
    known = (
        {file.path: file for file in entry.files if file.unpack is None}
        if record.promises == promises_digest(entry)
        else {}
    )
    return [
        known.get(content.path)
        or FilePromise(
            path=content.path,
            size_bytes=content.size_bytes,
            sha256=content.sha256,
            urls=[_NOWHERE + content.path],
        )
        for content in record.contents
    ]


def read_record(directory: Path) -> RevisionRecord | None:
    """The record of a directory; None if there is none that can be read, as in what was installed before there were records."""
    try:
        with (directory / RECORD_NAME).open("rb") as file:
            content = file.read(RECORD_LIMIT_BYTES + 1)
        record = msgspec.json.decode(content, type=RevisionRecord)
    except (OSError, msgspec.DecodeError, RecursionError):
        return None
    return record if record.format == FORMAT else None


def write_record(directory: Path, record: RevisionRecord) -> None:
    """Put a record into a directory, durably.

    Raises:
        DurableWriteFailed: it could not be written.
    """
    replace_file(directory / RECORD_NAME, msgspec.json.encode(record))
