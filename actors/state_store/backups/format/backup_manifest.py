"""The manifest of a backup, written last, and the table of contents, whose digest the manifest holds."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Final

import msgspec

from actors.shared.crypto import content_codec
from actors.shared.crypto.envelope import (
    EnvelopeDamaged,
    EnvelopeLimits,
    EnvelopeTooNew,
    NotAnEnvelope,
    open_envelope,
    seal,
)
from actors.shared.durable.bounded_read import FileUnreadable, read_file
from actors.shared.durable.record_file import UNREADABLE_JSON
from actors.state_store.backups.errors import BackupDamaged, BackupNotFound, BackupTooNew
from schemas.backups import BackupInfo, BackupKind
from schemas.bounds import Count, Identifier, Named, UnixSeconds, Word

FORMAT: Final = 1
"""The newest format of backups that this version reads."""

MANIFEST_NAME: Final = "backup.json"
PACK_NAME: Final = "documents.pack"
SCHEMA: Final = "undercroft.backup"
LIMITS: Final = EnvelopeLimits(content_bytes=1024 * 1024, value_bytes=1024 * 1024)
CONTENTS_LIMIT_BYTES: Final = 512 * 1024 * 1024
DOCUMENTS_LIMIT: Final = 5_000_000


class PackedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """One file in a pack.

    Attributes:
        path: relative to the store; begins with `extras/` for a file that is no document of the store.
        key: empty for such a file.
        frame: number of the frame that holds it.
        at: where it begins in the content of the frame.
        sha256: of its bytes, in hexadecimal.
    """

    path: Word
    key: Word
    frame: Count
    at: Count
    size_bytes: Count
    sha256: Identifier
    is_encrypted: bool = False


class PackFrame(msgspec.Struct, frozen=True, kw_only=True):
    """One zstd frame (RFC 8878) of a pack.

    Attributes:
        offset: where it begins in the pack.
        packed_bytes: its length there.
        size_bytes: its length unpacked.
    """

    offset: Count
    packed_bytes: Count
    size_bytes: Count


class PackContents(msgspec.Struct, frozen=True, kw_only=True):
    """The table of contents, which is the last frame of a pack."""

    documents: Annotated[list[PackedDocument], msgspec.Meta(max_length=DOCUMENTS_LIMIT)]
    frames: Annotated[list[PackFrame], msgspec.Meta(max_length=DOCUMENTS_LIMIT)]


class BackupManifest(msgspec.Struct, frozen=True, kw_only=True):
    """The description of a backup; fields as in BackupInfo.

    Attributes:
        contents_at: where the frame with the table of contents begins; it ends with the pack.
        contents_bytes: size of the table, unpacked.
        contents_sha256: of that frame.
        versions: of the schemas of the app at that time, unless they are 1.
    """

    id: Identifier
    name: Word
    kind: BackupKind
    created_at: UnixSeconds
    format: Count
    revision: Count
    documents: Count
    content_bytes: Count
    pack_bytes: Count
    encrypted: Count
    contents_at: Count
    contents_bytes: Count
    contents_sha256: Identifier
    versions: Named[Count] = {}

    def info(self) -> BackupInfo:
        """The part that others get."""
        return BackupInfo(
            id=self.id,
            name=self.name,
            kind=self.kind,
            created_at=self.created_at,
            size_bytes=self.pack_bytes,
            content_bytes=self.content_bytes,
            documents=self.documents,
            compressed=True,
            encrypted=self.encrypted > 0,
            revision=self.revision,
            format=self.format,
        )


def render_manifest(manifest: BackupManifest) -> bytes:
    """The bytes of `backup.json`: an envelope, whose digest covers everything."""
    value = msgspec.to_builtins(manifest)
    return seal(
        value,
        schema=SCHEMA,
        schema_version=FORMAT,
        revision=manifest.revision,
        now=manifest.created_at,
        name=f"backup/{manifest.id}",
        limits=LIMITS,
    )


def read_manifest(directory: Path, id: str) -> BackupManifest:
    """The manifest of the backup in a directory.

    Raises:
        BackupNotFound: there is none, so there is no backup.
        BackupDamaged, BackupTooNew: it cannot be used.
    """
    try:
        content = read_file(directory / MANIFEST_NAME, LIMITS.content_bytes)
        if content is None:
            raise BackupNotFound(id)
        stored = open_envelope(content, limits=LIMITS, name=f"backup/{id}")
        if stored.schema_version > FORMAT:
            raise BackupTooNew(id, stored.schema_version, FORMAT)
        manifest = msgspec.convert(stored.value, BackupManifest)
    except EnvelopeTooNew as error:
        raise BackupTooNew(id, error.format, FORMAT) from error
    except (FileUnreadable, EnvelopeDamaged, NotAnEnvelope, msgspec.ValidationError) as error:
        raise BackupDamaged(id, f"its manifest cannot be used: {error}") from error
    if manifest.id != id:
        raise BackupDamaged(id, f"its manifest is that of {manifest.id[:100]!r}")
    return manifest


def pack_contents(contents: PackContents) -> tuple[bytes, int, str]:
    """The frame of a table of contents, its unpacked size, and the digest of the frame."""
    plain = msgspec.json.encode(contents)
    frame = content_codec.compress(plain)
    return frame, len(plain), hashlib.sha256(frame).hexdigest()


def unpack_contents(manifest: BackupManifest, frame: bytes) -> PackContents:
    """The table of contents in a frame.

    Raises:
        BackupDamaged: it does not match the manifest.
    """
    found = hashlib.sha256(frame).hexdigest()
    if found != manifest.contents_sha256:
        problem = f"its table of contents has the digest {found}, expected {manifest.contents_sha256}"
        raise BackupDamaged(manifest.id, problem)
    try:
        return msgspec.json.decode(
            content_codec.decompress(frame, manifest.contents_bytes, CONTENTS_LIMIT_BYTES), type=PackContents
        )
    except (content_codec.NotDecodable, *UNREADABLE_JSON) as error:
        raise BackupDamaged(manifest.id, f"its table of contents cannot be read: {error}") from error
