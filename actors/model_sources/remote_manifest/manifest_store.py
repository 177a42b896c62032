"""The file with the signed manifest that was fetched last. Its signature is verified at each reading."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from actors.model_sources.remote_manifest.manifest_freshness import NewestManifest
from actors.shared.durable.record_file import RecordFile, RecordNotRead
from actors.shared.manifest.manifest_reader import ManifestRefused
from actors.shared.manifest.manifest_signature import (
    ENVELOPE_LIMIT_BYTES,
    VerifiedManifest,
    open_signed_manifest,
)
from actors.shared.places.rooted_place import AnyPlace
from schemas.bounds import Body, Count, Identifier, UnixSeconds, UrlText

FORMAT: Final = 1
FILE_LIMIT_BYTES: Final = 6 * ENVELOPE_LIMIT_BYTES + 64 * 1024
"""In a JSON string, a byte of the envelope may take six."""


class _Record(msgspec.Struct, kw_only=True):
    """`envelope` is the manifest byte by byte; the other fields say what it was when it was taken."""

    format: Count
    url: UrlText
    key_id: Identifier
    version: Count
    digest: Identifier
    fetched_at: UnixSeconds
    envelope: Body


@dataclass(frozen=True)
class StoredManifest:
    """What the file says.

    Attributes:
        verified: the manifest; None if its signature no longer holds.
        newest: prevents a rollback, even if the signature no longer holds.
        problem: why the signature no longer holds, or the file cannot be read.
    """

    verified: VerifiedManifest | None = None
    newest: NewestManifest = field(default_factory=NewestManifest)
    problem: str = ""


class RemoteManifestStore:
    """Reads and writes that file."""

    def __init__(self, path: AnyPlace, keys: Mapping[str, bytes]) -> None:
        """Use a file.

        Args:
            path: of the file.
            keys: are pinned now, by their id.
        """
        self._file = RecordFile[_Record](path, _Record, limit_bytes=FILE_LIMIT_BYTES, creates_directory=True)
        self._keys = keys
        self._not_read: RecordNotRead | None = None

    def read(self) -> StoredManifest:
        """Read the file and verify the signature.

        If the key is no longer pinned, versions start anew: they say nothing about those of another key.
        """
        self._not_read = None
        try:
            path, found = self._file.path, self._file.read_or_quarantine()
        except RecordNotRead as error:
            self._not_read = error
            return StoredManifest(problem=f"{error}; the models that come with the app apply")
        if found.put_aside is not None:
            return StoredManifest(
                problem=f"{path}: cannot be read ({found.detail}); renamed to {found.put_aside.name}; "
                "the models that come with the app apply"
            )
        record = found.value
        if record is None:
            return StoredManifest()
        if record.key_id not in self._keys:
            return StoredManifest(
                problem=f"{path}: was signed by {record.key_id}, which the profile no longer pins; "
                "it does not apply"
            )
        newest = NewestManifest(record.version, record.digest)
        try:
            verified = open_signed_manifest(record.envelope.encode(), self._keys, str(path))
        except ManifestRefused as refused:
            return StoredManifest(None, newest, str(refused))
        return StoredManifest(verified, newest)

    def write(self, url: str, envelope: bytes, verified: VerifiedManifest, now: float) -> None:
        """Replace the file durably, with what prevents a rollback, in one step.

        Args:
            url: where the manifest was fetched.
            envelope: the manifest, byte by byte.
            verified: what it says.
            now: seconds since the Unix epoch.

        Raises:
            DurableWriteFailed, RecordTooLarge, OSError: the former manifest is still there.
            RecordNotRead: what lies there could not be read, and may be newer.
        """
        if self._not_read is not None:
            raise self._not_read
        self._file.write(
            _Record(
                format=FORMAT,
                url=url,
                key_id=verified.key_id,
                version=verified.manifest.version,
                digest=verified.digest,
                fetched_at=now,
                envelope=envelope.decode(),
            )
        )
