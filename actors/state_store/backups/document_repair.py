"""Finds the newest good copy of a damaged document.

In this order: the journal, what an interrupted write left, kept former values and backups, and last what can
still be read of the damaged file.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Final

from actors.shared.crypto.envelope import (
    EnvelopeDamaged,
    EnvelopeLocked,
    EnvelopeTooNew,
    NotAnEnvelope,
    StoredValue,
    open_envelope,
    seal,
)
from actors.shared.durable.bounded_read import FileUnreadable, read_file
from actors.state_store.backups.errors import BackupDamaged, BackupNotFound, BackupTooNew
from actors.state_store.backups.format.backup_manifest import BackupManifest
from actors.state_store.backups.repository import BackupRepository
from actors.state_store.engine.files.state_layout import TEMPORARY
from actors.state_store.engine.key_paths import former_stem
from actors.state_store.engine.operations import DamagedDocument, RepairedCopy
from actors.state_store.engine.values.value_codec import READ_LIMIT_BYTES
from actors.state_store.watchdog import Beat, DiskSilent, Watchdog

SILENCE_LIMIT_SECONDS: Final = 10.0
"""Writers wait while a document is repaired, so a silent disk is given up early."""

COPIES_LIMIT: Final = 20
"""How many copies are tried. If all of them are damaged, the rest probably is, too."""


class DocumentRepair:
    """Repairs the documents of one store. Called while nobody writes."""

    def __init__(self, repository: BackupRepository) -> None:
        self._repository = repository

    def newest_good_copy(self, damaged: DamagedDocument) -> RepairedCopy | None:
        """The newest good copy; None if there is none, and the key begins empty."""
        for candidate in self._candidates(damaged):
            if damaged.is_good(candidate.content):
                return candidate
        return None

    def _candidates(self, damaged: DamagedDocument) -> Iterator[RepairedCopy]:
        if damaged.journaled is not None:
            yield RepairedCopy(damaged.journaled, "the journal")
        yield from _left_by_a_write(damaged)
        watchdog = Watchdog(self._repository.root, SILENCE_LIMIT_SECONDS)
        with contextlib.suppress(DiskSilent, OSError):  # the disk of the backups has its own alert
            found = watchdog.run(lambda beat: self._newest_copy(damaged.key, damaged.is_good, beat))
            if found is not None:
                yield found
        yield from _still_readable(damaged)

    def _newest_copy(self, key: str, is_good: Callable[[bytes], bool], beat: Beat) -> RepairedCopy | None:
        """The newest good one of former values and backups."""
        stem = former_stem(key)
        former = [
            (one.kept_at, float(one.revision), one.name)
            for one in self._repository.former_values()
            if one.stem == stem
        ]
        whole: list[tuple[float, float, str | BackupManifest]] = [
            (one.created_at, 0.0, one) for one in self._repository.listing().manifests if one.documents
        ]
        newest_first = sorted([*former, *whole], key=lambda one: (one[0], one[1]), reverse=True)
        for _, _, found in newest_first[:COPIES_LIMIT]:
            beat()
            copy = self._former_value(found) if isinstance(found, str) else self._in_backup(found.id, key)
            if copy is not None and is_good(copy.content):
                return copy
        return None

    def _former_value(self, name: str) -> RepairedCopy | None:
        with contextlib.suppress(FileUnreadable):
            content = read_file(self._repository.root / "auto" / name, READ_LIMIT_BYTES)
            if content is not None:
                return RepairedCopy(content, f"backups/auto/{name}")
        return None

    def _in_backup(self, id: str, key: str) -> RepairedCopy | None:
        with contextlib.suppress(BackupNotFound, BackupDamaged, BackupTooNew):
            manifest, reader = self._repository.open(id)
            document = next((one for one in reader.contents.documents if one.key == key), None)
            if document is not None and manifest.kind != "imported":
                return RepairedCopy(reader.read(document), f"backup {id}")
        return None


def _left_by_a_write(damaged: DamagedDocument) -> Iterator[RepairedCopy]:
    path = damaged.path
    for temporary in sorted(path.parent.glob(f"{_literal(path.name)}.*{TEMPORARY}")):
        with contextlib.suppress(FileUnreadable):
            content = read_file(temporary, READ_LIMIT_BYTES)
            if content is not None:
                yield RepairedCopy(content, f"{temporary.name}, left by an interrupted write")


def _still_readable(damaged: DamagedDocument) -> Iterator[RepairedCopy]:
    """The value of an envelope whose digest does not fit. It may be wrong, but it has to fit its schema."""
    found = _readable(damaged.content, damaged.key)
    if found is not None:
        sealed = seal(
            found.value,
            schema=found.schema,
            schema_version=found.schema_version,
            revision=damaged.next_revision(),
            now=found.written_at,
            name=damaged.key,
        )
        yield RepairedCopy(sealed, "what could still be read of it")


def _readable(content: bytes, key: str) -> StoredValue | None:
    """What can be read of a damaged envelope that still names this key."""
    try:
        open_envelope(content, name=key)
    except EnvelopeDamaged as damaged:
        return damaged.remains if damaged.remains is not None and damaged.remains.name == key else None
    except (EnvelopeLocked, EnvelopeTooNew, NotAnEnvelope):
        return None
    return None


def _literal(name: str) -> str:
    return name.replace("[", "[[]").replace("*", "[*]").replace("?", "[?]")
