"""Moves backups between machines: exported under a passphrase, imported under the keys of this home."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from actors.shared.crypto.cipher import DataKey
from actors.shared.crypto.envelope import (
    EnvelopeDamaged,
    EnvelopeLocked,
    EnvelopeTooNew,
    KeyUnavailable,
    NotAnEnvelope,
    StoredValue,
    open_envelope,
    seal,
)
from actors.shared.durable.durable_write import move, sync_file
from actors.shared.keys.key_source import KeySource
from actors.shared.places.place_names import TakenPlaces
from actors.shared.places.rooted_place import placed
from actors.state_store.backups.consistent_copy import EXTRAS, SETTINGS_FILE
from actors.state_store.backups.errors import BackupDamaged, ExportDamaged, TransferRefused
from actors.state_store.backups.format.backup_manifest import BackupManifest
from actors.state_store.backups.format.backup_pack import PackWriter
from actors.state_store.backups.format.portable_export import (
    ExportRecord,
    read_header,
    read_records,
    write_export,
)
from actors.state_store.backups.repository import BackupRepository
from actors.state_store.engine.key_paths import is_place_of

PARTIAL: Final = ".partial"
_UNUSABLE: Final = (EnvelopeLocked, EnvelopeTooNew, EnvelopeDamaged, NotAnEnvelope)


def export_backup(
    repository: BackupRepository, id: str, target: Path, passphrase: str, keys: KeySource
) -> int:
    """Write a backup to a file that the passphrase alone opens; returns the number of documents.

    The file gets its name once it is whole.

    Raises:
        BackupNotFound, BackupDamaged, BackupTooNew, TransferRefused, PassphraseTooShort: no file was written.
        DurableWriteFailed, OSError: it cannot be written.
    """
    manifest, reader = repository.open(id)

    def records() -> Iterator[ExportRecord]:
        for document, content in reader.documents(
            lambda one: bool(one.key) or one.path == f"{EXTRAS}/{SETTINGS_FILE}"
        ):
            if isinstance(content, BackupDamaged):
                raise content
            plain = _decrypted(document.key, content, keys) if document.is_encrypted else content
            yield ExportRecord(document.key, document.path, plain, document.is_encrypted)

    partial = placed(target.with_name(target.name + PARTIAL))
    partial.unlink(missing_ok=True)
    descriptor = partial.open(os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        with os.fdopen(descriptor, "wb") as file:
            write_export(file, passphrase, manifest.id, manifest.name, manifest.created_at, records())
            file.flush()
            sync_file(file.fileno())
        move(partial, target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return manifest.documents


def import_backup(
    repository: BackupRepository, source: Path, passphrase: str, keys: KeySource
) -> BackupManifest:
    """Make a backup of this home from an export. Documents that were encrypted are encrypted again.

    Raises:
        ExportDamaged, PassphraseWrong, TransferRefused: nothing was changed.
        BackupFailed, OSError: the export cannot be read, or the backup cannot be written.
    """
    with source.open("rb") as file:
        header = read_header(file, source)

        def fill(writer: PackWriter) -> int:
            taken = TakenPlaces()
            for record in read_records(file, source, header, passphrase):
                _check_place(record, source, taken)
                writer.add(record.path, record.key, _encrypted_again(record, source, keys))
            return 0

        manifest, _ = repository.create("imported", header.name or header.backup, fill)
        return manifest


def _check_place(record: ExportRecord, source: Path, taken: TakenPlaces) -> None:
    """A record lies where its key says, or is one of the few files beside the documents; no two lie in one.

    Raises:
        ExportDamaged: it names another place; what it holds goes nowhere.
    """
    is_right = (
        is_place_of(record.key, record.path) if record.key else record.path == f"{EXTRAS}/{SETTINGS_FILE}"
    )
    if not is_right:
        problem = f"the record {record.key[:100]!r} names {record.path[:100]!r}, which is not its place"
        raise ExportDamaged(str(source), problem)
    if taken_by := taken.problem(record.path):
        raise ExportDamaged(str(source), f"the record {record.key[:100]!r}: {taken_by}")


def _decrypted(key: str, content: bytes, keys: KeySource) -> bytes:
    try:
        return _sealed(open_envelope(content, keys.data_key, name=key), key, None)
    except _UNUSABLE as error:
        raise TransferRefused(key, str(error)) from error


def _encrypted_again(record: ExportRecord, source: Path, keys: KeySource) -> bytes:
    if not record.key or not record.was_encrypted:
        return record.content
    try:
        return _sealed(open_envelope(record.content, name=record.key), record.key, keys.current())
    except KeyUnavailable as error:
        raise TransferRefused(record.key, f"it must be encrypted, and {error}") from error
    except _UNUSABLE as error:
        raise ExportDamaged(str(source), f"{record.key}: {error}") from error


def _sealed(stored: StoredValue, name: str, key: DataKey | None) -> bytes:
    return seal(
        stored.value,
        schema=stored.schema,
        schema_version=stored.schema_version,
        revision=stored.revision,
        now=stored.written_at,
        compress=stored.is_compressed,
        key=key,
        name=name,
    )
