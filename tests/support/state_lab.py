"""A state store with something in it, its backups, and the actor around it."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from actors.shared.crypto.cipher import DataKey
from actors.shared.crypto.envelope import KeyUnavailable
from actors.shared.profile.profile_tables import BackupsTable, NamespaceTable
from actors.state_store.actor import StateStoreActor
from actors.state_store.backups.consistent_copy import ConsistentCopy
from actors.state_store.backups.document_repair import DocumentRepair
from actors.state_store.backups.format.backup_manifest import BackupManifest
from actors.state_store.backups.repository import BackupRepository
from actors.state_store.backups.restore import BackupRestore
from actors.state_store.documents.document_store import DocumentStore
from actors.state_store.documents.document_types import DocumentKind, document_kinds
from actors.state_store.engine.namespaces import Namespaces
from actors.state_store.engine.operations import Delete, Save, WriteStep
from actors.state_store.engine.store import StateStore
from actors.state_store.engine.values.value_schemas import ValueSchemas
from actors.state_store.errors import StateError
from bus.actor import BusContext
from bus.actor_loop import ActorLoop
from bus.broker.memory_bus import MemoryBus, memory_bus
from bus.client import Peer
from bus.errors import RequestFailed
from schemas.backups import BackupInfo, BackupKind, BackupsListRequestEvent
from schemas.keys import KeysReport
from schemas.state import StateLoadRequestEvent, StateSaveRequestEvent
from tests.support.audit_in_memory import AuditInMemory

OWNED_TABLES = [
    NamespaceTable(name="notes", owner="notebook", readers=["alice"], quota_mib=1),
    NamespaceTable(name="vault", encrypt=True),
]
TABLES = [NamespaceTable(name="notes"), NamespaceTable(name="vault", encrypt=True)]


class HeldKeys:
    """Keys that can be locked, or be those of another home."""

    def __init__(self, seed: str = "", reason: str = "the keychain wants a password") -> None:
        self.is_locked = False
        self._seed = seed
        self._reason = reason

    def current(self) -> DataKey:
        return self.data_key(f"{self._seed}k1")

    def data_key(self, key_id: str) -> DataKey:
        if self.is_locked or not key_id.startswith(self._seed):
            raise KeyUnavailable(key_id, self._reason)
        return DataKey(key_id, hashlib.sha256(key_id.encode()).digest())

    def unlock(self, *, make: bool = False) -> None:
        """The keychain gives no other answer than before."""

    def report(self) -> KeysReport:
        if self.is_locked:
            return KeysReport(state="locked", reason="keychain_locked")
        return KeysReport(state="unlocked")


def opened(root: Path, **options: Any) -> StateStore:
    """A store that has been started; a damaged document is repaired from its backups."""
    options.setdefault("keys", HeldKeys())
    options.setdefault("repair", DocumentRepair(BackupRepository(root / "backups")).newest_good_copy)
    return StateStore(root, Namespaces(options.pop("tables", TABLES)), **options).start()


def done(store: StateStore, *steps: WriteStep) -> list[int]:
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


def repository_of(store: StateStore, now: float | None = None) -> BackupRepository:
    root = store.root / "backups"
    return BackupRepository(root) if now is None else BackupRepository(root, lambda: now)


def back_up(
    store: StateStore,
    kind: BackupKind = "manual",
    name: str = "",
    *,
    now: float | None = None,
    extras: dict[str, Path] | None = None,
) -> BackupManifest:
    copy = ConsistentCopy(store, extras or {})
    return repository_of(store, now).create(kind, name, copy.fill, store.schemas.versions())[0]


def restorer(store: StateStore, extras: dict[str, Path] | None = None) -> BackupRestore:
    return BackupRestore(store, repository_of(store), extras or {})


@dataclass
class RunningStore:
    """A store that runs on a bus; `now` holds the time of its backups."""

    bus: MemoryBus
    app: Peer
    store: StateStore
    audit: AuditInMemory
    actor: StateStoreActor
    now: list[float]

    async def save(self, key: str, value: Any, **options: Any) -> int:
        return (await self.app.request(StateSaveRequestEvent(key=key, value=value, **options))).revision

    async def load(self, key: str) -> Any:
        return (await self.app.request(StateLoadRequestEvent(key=key))).value

    def alerts(self) -> list[str]:
        return [alert.name for alert in self.actor.alerts.active()]


@contextlib.asynccontextmanager
async def running_store(
    store: StateStore,
    kinds: Mapping[str, DocumentKind],
    keys: HeldKeys,
    *,
    backups: BackupsTable | None = None,
    now: float = 1767268800.0,
    **options: Any,
) -> AsyncIterator[RunningStore]:
    """Run the actor around a store that has not been started; options as for StateStoreActor."""
    clock, audit = [now], AuditInMemory()
    built: list[StateStoreActor] = []

    def build(context: BusContext) -> StateStoreActor:
        repository = BackupRepository(store.root / "backups", lambda: clock[0])
        documents = DocumentStore(store, kinds)
        built.append(
            StateStoreActor(
                context,
                store,
                documents,
                keys,
                audit,
                repository,
                backups=backups or BackupsTable(),
                extras={},
                clock=lambda: clock[0],
                **options,
            )
        )
        return built[0]

    async with memory_bus() as bus, bus.connect("state_store") as own, bus.connect("app") as app:
        loop = ActorLoop(build, own)
        task = asyncio.ensure_future(loop.run())
        ready = asyncio.ensure_future(loop.wait_until_ready())
        await asyncio.wait([task, ready], return_when=asyncio.FIRST_COMPLETED)
        assert not task.done(), task.exception()
        yield RunningStore(bus, app, store, audit, built[0], clock)
        loop.stop()
        await task


async def refusal(asking: Any) -> str:
    """The words with which a request is refused."""
    with pytest.raises(RequestFailed) as caught:
        await asking
    assert caught.value.kind == "refused"
    return caught.value.message


@contextlib.asynccontextmanager
async def running_with_backups(
    root: Path,
    table: BackupsTable | None = None,
    *,
    schemas: ValueSchemas | None = None,
    silence_limit_seconds: float = 20.0,
) -> AsyncIterator[RunningStore]:
    """A store that runs, with a document type `Marks`, backups, and a clock that stands still."""
    keys = HeldKeys()
    repair = DocumentRepair(BackupRepository(root / "backups")).newest_good_copy
    store = StateStore(root, Namespaces(TABLES), schemas, keys, repair=repair)
    kinds = document_kinds({"Marks": {"type": "object", "default": {}}})
    async with running_store(
        store, kinds, keys, backups=table, silence_limit_seconds=silence_limit_seconds
    ) as lab:
        yield lab


async def backups_of(lab: RunningStore) -> list[BackupInfo]:
    return (await lab.app.request(BackupsListRequestEvent())).backups


class Marks(BaseModel):
    """A document type."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    labels: tuple[str, ...] = ()


@contextlib.asynccontextmanager
async def running_without_copies(
    root: Path, keys: HeldKeys | None = None, quota_bytes: int = 0
) -> AsyncIterator[RunningStore]:
    """A store that runs, in which `notes` has an owner. It has no good copies of damaged documents."""
    keys = keys or HeldKeys()
    store = StateStore(root, Namespaces(OWNED_TABLES), keys=keys, quota_bytes=quota_bytes)
    async with running_store(store, document_kinds([Marks]), keys) as lab:
        yield lab
