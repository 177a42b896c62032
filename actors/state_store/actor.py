"""The state store as a process: builds its parts, gives each request to its service, and stops in order."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, Self

import anyio
import anyio.to_thread

from actors.shared.keys.key_source import LockableKeySource
from actors.shared.profile.profile_tables import BackupsTable
from actors.state_store.audit_notes import AuditNotes, AuditTrail
from actors.state_store.backups.automatic_backups import AutomaticBackups
from actors.state_store.backups.backup_alerts import BackupAlerts
from actors.state_store.backups.backup_jobs import BackupJobs
from actors.state_store.backups.backup_service import BackupRequest, BackupService
from actors.state_store.backups.document_repair import DocumentRepair
from actors.state_store.backups.repository import BackupRepository
from actors.state_store.committer import Committer
from actors.state_store.document_service import DocumentRequest, DocumentService
from actors.state_store.documents.document_store import DocumentStore
from actors.state_store.documents.document_types import kinds_of_profile
from actors.state_store.engine.namespaces import MIB, Namespaces
from actors.state_store.engine.store import StateStore
from actors.state_store.engine.values.value_schemas import schemas_of_profile
from actors.state_store.health import HealthReporter
from actors.state_store.key_service import KeyRequest, KeyService
from actors.state_store.key_status import KeyStatus
from actors.state_store.key_unlocker import KeyUnlocker
from actors.state_store.store_access import StoreAccess
from actors.state_store.watchdog import SILENCE_LIMIT_SECONDS
from bus.actor import Actor, BusContext, Later
from bus.client import asker
from schemas.backups import (
    BackupCreateRequestEvent,
    BackupRestoreRequestEvent,
    BackupsListRequestEvent,
    BackupsPruneRequestEvent,
    BackupsVerifyRequestEvent,
    StateCheckRequestEvent,
)
from schemas.documents import (
    DocumentCacheRequestEvent,
    DocumentReadRequestEvent,
    DocumentTypesRequestEvent,
    DocumentWriteRequestEvent,
)
from schemas.event import Event

if TYPE_CHECKING:
    from actors.shared.context import ActorContext
    from schemas.keys import KeysReport

DIRECTORY_NAME: Final = "store"
Inbox = KeyRequest | DocumentRequest | BackupRequest


class StoreKeys(LockableKeySource, Protocol):
    """The keys for encrypted values. `KeyRing` is one."""

    def report(self) -> KeysReport:
        """The present state of the keys; does not ask the keychain."""


class StateStoreActor(Actor[Inbox]):
    """Serves keys, typed documents and backups, each peer only what it may touch.

    Attributes:
        automatic_backups: makes backups and checks without a request.
    """

    def __init__(
        self,
        context: BusContext,
        store: StateStore,
        documents: DocumentStore,
        keys: StoreKeys,
        audit: AuditTrail,
        repository: BackupRepository,
        *,
        backups: BackupsTable,
        extras: Mapping[str, Path],
        clock: Callable[[], float] = time.time,
        silence_limit_seconds: float = SILENCE_LIMIT_SECONDS,
    ) -> None:
        """Build the actor; no file is touched before `prepare`.

        Args:
            context: the bus.
            store: keys and values.
            documents: typed documents in the same store.
            keys: what encrypts values; asked for when one is locked.
            audit: takes a note of every access.
            repository: the backups of the store.
            backups: when backups are made, and who may use them.
            extras: name to path of further files that belong into a backup.
            clock: seconds since the Unix epoch.
            silence_limit_seconds: how long the disk of the backups may be silent.
        """
        super().__init__(context)
        publish, alerts, tasks = context.peer.publish, context.alerts, context.tasks
        self._store = store
        self._audit = audit
        self._health = HealthReporter(store, alerts, context.metrics, audit, clock)
        status = KeyStatus(context.peer.name, keys.report, publish, alerts)
        unlocker = KeyUnlocker(keys, status, tasks)
        self._committer = Committer(store)
        access = StoreAccess(store, self._committer, self._health, unlocker, publish)
        self._keys = KeyService(store, access, self._health)
        self._documents = DocumentService(store, documents, access)
        backup_alerts = BackupAlerts(alerts, repository.root)
        self._jobs = BackupJobs(
            store,
            documents,
            repository,
            backups,
            extras,
            backup_alerts,
            audit,
            unlocker,
            publish,
            tasks,
            silence_limit_seconds,
        )
        self._backups = BackupService(self._jobs, store, self._health, audit, publish, backups.operators)
        self.automatic_backups = AutomaticBackups(
            self._jobs, store, backup_alerts, self._health, backups, clock
        )

    @classmethod
    def of(cls, context: ActorContext) -> Self:
        """The store of an app.

        Raises:
            DeclarationRefused, ProfileError: the profile declares something about state that is not valid.
        """
        from actors.shared.keys.key_ring import open_ring

        profile, state = context.profile, context.locations.state
        root = state / DIRECTORY_NAME
        ring = open_ring(state, [root, state / "history"])  # makes no keys while either holds ciphertext
        repository = BackupRepository(root / "backups")
        store = StateStore(
            root,
            Namespaces(profile.state_namespaces),
            schemas_of_profile(profile),
            ring,
            quota_bytes=profile.state.quota_mib * MIB,
            repair=DocumentRepair(repository).newest_good_copy,
        )
        kinds = kinds_of_profile(profile)
        documents = DocumentStore(store, kinds, profile.state.cache_seconds)
        store.schemas.check_migrations()
        return cls(
            context,
            store,
            documents,
            ring,
            AuditNotes.of(state),
            repository,
            backups=profile.state.backups,
            extras={
                "config.json": context.locations.config / "config.json",
                "keys.json": state / "keys" / "keys.json",
            },
        )

    async def prepare(self) -> None:
        """Open the store, and start the work that goes on beside the inbox."""
        await anyio.to_thread.run_sync(self._store.start)
        await anyio.to_thread.run_sync(self._audit.open)
        self.tasks.start_soon(self._audit.run)
        self._health.measure()
        await self._health.report_incidents()
        await self.automatic_backups.prepare()
        self.tasks.start_soon(self.automatic_backups.run)
        self.tasks.start_soon(self._committer.run)
        self.tasks.start_soon(self._committer.run_checkpoints)

    async def handle(self, event: Inbox) -> Event | Later:
        """Give a request to its service; what takes long is answered beside the inbox."""
        who = asker.get()
        match event:
            case (
                BackupCreateRequestEvent()
                | BackupsListRequestEvent()
                | BackupsVerifyRequestEvent()
                | BackupRestoreRequestEvent()
                | BackupsPruneRequestEvent()
                | StateCheckRequestEvent()
            ):
                return Later(self._backups.handle(who, event))
            case (
                DocumentReadRequestEvent()
                | DocumentWriteRequestEvent()
                | DocumentTypesRequestEvent()
                | DocumentCacheRequestEvent()
            ):
                answer = self._documents.handle(who, event)
            case _:
                answer = self._keys.handle(who, event)
        return answer if isinstance(answer, Event) else self.answer_later(answer)

    async def close(self) -> None:
        """Give up backup jobs, finish all answers, and bring everything to its file."""
        self._jobs.end()
        await self.answered()
        await self._committer.drained()
        await anyio.to_thread.run_sync(self._store.close)
        await self._health.report_incidents()
        await anyio.to_thread.run_sync(self._audit.close)
