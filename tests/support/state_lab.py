"""A state store with something in it, and backups of it, for the tests of both."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from actors.shared.crypto.cipher import DataKey
from actors.shared.crypto.envelope import KeyUnavailable
from actors.shared.profile.profile_tables import NamespaceTable
from actors.state_store.backups.backup_manifest import Manifest
from actors.state_store.backups.consistent_copy import Copier
from actors.state_store.backups.repository import Vault
from actors.state_store.backups.restore import Restorer
from actors.state_store.engine.operations import Delete, Save, Step
from actors.state_store.engine.store import StateStore
from actors.state_store.errors import StateError
from actors.state_store.namespaces import Namespaces
from schemas.backups import BackupKind

TABLES = [NamespaceTable(name="notes"), NamespaceTable(name="vault", encrypt=True)]


class HeldKeys:
    """Keys that can be locked, or be those of another home."""

    def __init__(self, seed: str = "") -> None:
        self.is_locked = False
        self._seed = seed

    def current(self) -> DataKey:
        return self.data_key(f"{self._seed}k1")

    def data_key(self, key_id: str) -> DataKey:
        if self.is_locked or not key_id.startswith(self._seed):
            raise KeyUnavailable(key_id, "the keychain wants a password")
        return DataKey(key_id, hashlib.sha256(key_id.encode()).digest())


def opened(root: Path, **options: Any) -> StateStore:
    options.setdefault("keys", HeldKeys())
    return StateStore(root, Namespaces(options.pop("tables", TABLES)), **options).start()


def done(store: StateStore, *steps: Step) -> list[int]:
    (outcome,) = store.commit([steps])
    if isinstance(outcome, StateError):
        raise outcome
    return [one.revision for one in outcome]


def save(store: StateStore, **values: Any) -> None:
    """Save values; `notes__a` stands for the key `notes.a`."""
    done(store, *(Save(name.replace("__", "."), value) for name, value in values.items()))


def delete(store: StateStore, key: str) -> None:
    done(store, Delete(key))


def content_of(store: StateStore) -> dict[str, Any]:
    return {key: store.load(key).value for key in sorted(store.index.snapshot())}


def vault_of(store: StateStore, now: float | None = None) -> Vault:
    return Vault(store.root / "backups") if now is None else Vault(store.root / "backups", lambda: now)


def back_up(
    store: StateStore,
    kind: BackupKind = "manual",
    name: str = "",
    *,
    now: float | None = None,
    extras: dict[str, Path] | None = None,
) -> Manifest:
    copier = Copier(store, extras or {})
    return vault_of(store, now).create(
        kind, name, copier.fill, lambda: copier.revision, store.schemata.versions()
    )[0]


def restorer(store: StateStore, extras: dict[str, Path] | None = None) -> Restorer:
    return Restorer(store, vault_of(store), extras or {})
