"""Carries backups from one machine to another: out under a passphrase, in as a backup of this home, encrypted under its keys."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from actors.shared.crypto.envelope import (
    EnvelopeDamaged,
    EnvelopeLocked,
    EnvelopeTooNew,
    KeyUnavailable,
    NotAnEnvelope,
    open_envelope,
    seal,
)
from actors.shared.durable.durable_write import FILE_MODE, DurableWriteFailed, move, sync_file
from actors.shared.keys.key_source import KeySource
from actors.state_store.backups.backup_manifest import Manifest
from actors.state_store.backups.backup_pack import PackWriter
from actors.state_store.backups.errors import BackupDamaged, BackupFailed, ExportDamaged
from actors.state_store.backups.portable_export import ExportRecord, read_header, read_records, write_export
from actors.state_store.backups.repository import Vault
from bus.errors import OperatorError

PARTIAL: Final = ".partial"


class CannotCarry(OperatorError):
    """A document cannot be taken along.

    Attributes:
        key: which one.
        reason: why.
    """

    key: str
    reason: str
    words = "{key}: cannot be taken along: {reason}; nothing was changed"


def export(vault: Vault, id: str, target: Path, passphrase: str, ring: KeySource) -> int:
    """Write a backup to a file that the passphrase alone opens; it takes its name once it is whole. Returns how many documents.

    Raises:
        BackupNotFound, BackupDamaged, BackupTooNew, CannotCarry, PassphraseTooShort: there is no such file
            then.
        DurableWriteFailed, OSError: it cannot be written.
    """
    manifest, reader = vault.open(id)

    def records() -> Iterator[ExportRecord]:
        for document, content in reader.documents(
            lambda one: bool(one.key) or one.path.endswith("/config.json")
        ):
            if isinstance(content, BackupDamaged):
                raise content
            plain = _plain(document.key, content, ring) if document.is_encrypted else content
            yield ExportRecord(document.key, document.path, plain, document.is_encrypted)

    partial = target.with_name(target.name + PARTIAL)
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    try:
        with os.fdopen(os.open(partial, flags, FILE_MODE), "wb") as file:
            write_export(file, passphrase, manifest.id, manifest.name, manifest.created_at, records())
            file.flush()
            sync_file(file.fileno())
        move(partial, target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return manifest.documents


def take_in(vault: Vault, source: Path, passphrase: str, ring: KeySource) -> Manifest:
    """Make a backup of this home from an export; what was encrypted is so again, under the keys of this home.

    Raises:
        ExportDamaged, PassphraseWrong, CannotCarry: nothing was changed.
        BackupFailed, OSError: it cannot be read, or not be written.
    """
    with source.open("rb") as file:
        header = read_header(file, source)

        def fill(writer: PackWriter) -> None:
            for record in read_records(file, source, header, passphrase):
                writer.add(record.path, record.key, _fitted(record, source, ring))

        try:
            manifest, _ = vault.create("imported", header.name or header.backup, fill, lambda: 0)
        except (BackupFailed, DurableWriteFailed) as error:
            raise BackupFailed(str(error)) from error
        return manifest


def _plain(key: str, content: bytes, ring: KeySource) -> bytes:
    try:
        stored = open_envelope(content, ring.data_key, name=key)
    except (EnvelopeLocked, EnvelopeTooNew, EnvelopeDamaged, NotAnEnvelope) as error:
        raise CannotCarry(key, str(error)) from error
    return seal(
        stored.value,
        schema=stored.schema,
        schema_version=stored.schema_version,
        revision=stored.revision,
        now=stored.written_at,
        compress=stored.is_compressed,
        name=key,
    )


def _fitted(record: ExportRecord, source: Path, ring: KeySource) -> bytes:
    if not record.key or not record.was_encrypted:
        return record.content
    try:
        stored = open_envelope(record.content, name=record.key)
        return seal(
            stored.value,
            schema=stored.schema,
            schema_version=stored.schema_version,
            revision=stored.revision,
            now=stored.written_at,
            compress=stored.is_compressed,
            key=ring.current(),
            name=record.key,
        )
    except KeyUnavailable as error:
        raise CannotCarry(record.key, f"it is to be encrypted and {error}") from error
    except (EnvelopeLocked, EnvelopeTooNew, EnvelopeDamaged, NotAnEnvelope) as error:
        raise ExportDamaged(str(source), f"{record.key}: {error}") from error
