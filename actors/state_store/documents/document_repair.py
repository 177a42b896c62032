"""Finds the best copy of a damaged document, rung by rung: the journal, what an interrupted write left, copies, what can still be read of it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

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
from actors.state_store.backups.backup_manifest import Manifest
from actors.state_store.backups.errors import BackupDamaged, BackupNotFound, BackupTooNew, PlaceSilent
from actors.state_store.backups.repository import Vault
from actors.state_store.engine.key_paths import former_path, path_of
from actors.state_store.engine.operations import Repaired
from actors.state_store.engine.state_layout import TEMPORARY
from actors.state_store.engine.store import StateStore
from actors.state_store.engine.value_codec import READ_LIMIT_BYTES, Damaged
from actors.state_store.errors import LoadFailed, StateError
from actors.state_store.watchdog import Beat, patiently

PATIENCE_SECONDS = 10.0
"""Nobody writes while a damaged document is repaired, so a disk that does not answer is not waited for."""

COPIES_LIMIT = 20
"""So many copies are looked at; if all of them are damaged, further ones would be, too."""


class Ladder:
    """The repair of a store: called with the key of a damaged document, while nobody writes."""

    def __init__(self, store: StateStore, vault: Vault) -> None:
        self._store = store
        self._vault = vault

    def repair(self, key: str) -> Repaired | None:
        """The newest good copy; None if there is none, and the document begins anew. The damaged file stays for whoever calls."""
        for candidate in self._candidates(key):
            if self._is_good(key, candidate.content):
                return candidate
        return None

    def _candidates(self, key: str) -> Iterator[Repaired]:
        with contextlib.suppress(OSError):
            content = self._store.journaled(key)
            if content is not None:
                yield Repaired(content, "the journal")
        yield from self._left_over(key)
        with contextlib.suppress(PlaceSilent, OSError):  # the place of the backups has an alert of its own
            yield from patiently(
                self._vault.root, lambda beat: list(self._copies(key, beat)), PATIENCE_SECONDS
            )
        yield from self._salvaged(key)

    def _left_over(self, key: str) -> Iterator[Repaired]:
        path = self._store.tree.path(path_of(key))
        for temporary in sorted(path.parent.glob(f"{_literal(path.name)}.*{TEMPORARY}")):
            with contextlib.suppress(FileUnreadable):
                content = read_file(temporary, READ_LIMIT_BYTES)
                if content is not None:
                    yield Repaired(content, f"{temporary.name}, left by an interrupted write")

    def _copies(self, key: str, beat: Beat) -> Iterator[Repaired]:
        """Former values and full backups, the newest first; those that can be read and are good as far as that shows."""
        stem = former_path(key, 0, 0.0).rpartition("/")[2].rpartition("@")[0]
        former = [
            (one.kept_at, float(one.revision), one.name)
            for one in self._vault.former_values()
            if one.stem == stem
        ]
        whole: list[tuple[float, float, str | Manifest]] = [
            (one.created_at, 0.0, one) for one in self._vault.listed().manifests if one.documents
        ]
        ordered = sorted([*former, *whole], key=lambda one: (one[0], one[1]), reverse=True)
        for _, _, found in ordered[:COPIES_LIMIT]:
            beat()
            repaired = self._former(found) if isinstance(found, str) else self._of_backup(found.id, key)
            if repaired is not None and self._is_good(key, repaired.content):
                yield repaired
                return

    def _former(self, name: str) -> Repaired | None:
        with contextlib.suppress(FileUnreadable):
            content = read_file(self._vault.root / "auto" / name, READ_LIMIT_BYTES)
            if content is not None:
                return Repaired(content, f"backups/auto/{name}")
        return None

    def _of_backup(self, id: str, key: str) -> Repaired | None:
        with contextlib.suppress(BackupNotFound, BackupDamaged, BackupTooNew):
            manifest, reader = self._vault.open(id)
            document = next((one for one in reader.contents.documents if one.key == key), None)
            if document is not None and manifest.kind != "imported":
                return Repaired(reader.read(document), f"backup {id}")
        return None

    def _salvaged(self, key: str) -> Iterator[Repaired]:
        """The value of a document whose digest does not fit: it can be read, and may be wrong; that it fits its schema is seen to."""
        with contextlib.suppress(OSError):
            found = _readable(self._store.content(key) or b"", key)
            if found is not None:
                sealed = seal(
                    found.value,
                    schema=found.schema,
                    schema_version=found.schema_version,
                    revision=self._store.reserve(1) + 1,
                    now=found.written_at,
                    name=key,
                )
                yield Repaired(sealed, "what could still be read of it")

    def _is_good(self, key: str, content: bytes) -> bool:
        try:
            self._store.opener.open(key, content)
        except LoadFailed as error:
            return error.is_locked  # whole as far as can be seen; whoever opens it asks the keychain
        except (Damaged, StateError):
            return False
        return True


def _readable(content: bytes, key: str) -> StoredValue | None:
    """What can be read of a damaged envelope that still says it is this key's."""
    try:
        open_envelope(content, name=key)
    except EnvelopeDamaged as damaged:
        return damaged.remains if damaged.remains is not None and damaged.remains.name == key else None
    except (EnvelopeLocked, EnvelopeTooNew, NotAnEnvelope):
        return None
    return None


def _literal(name: str) -> str:
    return name.replace("[", "[[]").replace("*", "[*]").replace("?", "[?]")
