"""What can be done with backups: make, list, verify, restore, prune, and check everything.

Each job runs in a thread and gives up a disk that does not answer. Both requests and the schedule use these.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TypeVar

import anyio
import anyio.abc

from actors.shared.profile.profile_tables import BackupsTable
from actors.state_store.audit_notes import AuditTrail
from actors.state_store.backups.background_job import BackgroundJob, JobKind
from actors.state_store.backups.backup_alerts import BackupAlerts
from actors.state_store.backups.backup_pruning import prune
from actors.state_store.backups.consistent_copy import ConsistentCopy
from actors.state_store.backups.format.backup_pack import PackProgress
from actors.state_store.backups.integrity_check import CheckReport, IntegrityCheck
from actors.state_store.backups.repository import BackupListing, BackupRepository
from actors.state_store.backups.restore import BackupRestore, RestoreOutcome
from actors.state_store.documents.document_store import DocumentStore
from actors.state_store.engine.store import StateStore
from actors.state_store.errors import LoadFailed, SaveFailed
from actors.state_store.key_unlocker import KeyUnlocker
from actors.state_store.watchdog import DiskSilent
from schemas.backups import (
    BackupFault,
    BackupInfo,
    BackupKind,
    BackupRestoreRequestEvent,
    BackupsPrunedEvent,
    BackupsVerifiedEvent,
)
from schemas.event import Event

FoundT = TypeVar("FoundT")


class BackupJobs:
    """The jobs of one store and its backups.

    Attributes:
        turn: held while a job runs, so that one runs at a time.
    """

    def __init__(
        self,
        store: StateStore,
        documents: DocumentStore,
        repository: BackupRepository,
        table: BackupsTable,
        extras: Mapping[str, Path],
        alerts: BackupAlerts,
        audit: AuditTrail,
        unlocker: KeyUnlocker,
        publish: Callable[[Event], Awaitable[None]],
        tasks: anyio.abc.TaskGroup,
        silence_limit_seconds: float,
    ) -> None:
        """Make the jobs; none runs yet.

        Args:
            store: what is backed up and restored.
            documents: forgets what it has in memory after a restore.
            repository: the backups.
            table: which backups pruning keeps.
            extras: name to path of further files that belong into a backup.
            alerts: raised when the disk is silent, cleared when a backup was made.
            audit: takes a note of backups that are removed.
            unlocker: asked when a restore needs a locked key.
            publish: publishes progress.
            tasks: runs the tasks that publish it.
            silence_limit_seconds: how long the disk of the backups may be silent.
        """
        self._store = store
        self._documents = documents
        self._repository = repository
        self._table = table
        self._extras = extras
        self._alerts = alerts
        self._audit = audit
        self._unlocker = unlocker
        self._job = BackgroundJob(repository.root, silence_limit_seconds, publish, tasks)
        self.turn = anyio.Lock()

    def end(self) -> None:
        """Give up the job that runs; a backup that is not finished does not count."""
        self._job.end()

    async def create(self, kind: BackupKind, name: str, within_seconds: float = math.inf) -> BackupInfo:
        """Make a backup.

        Raises:
            BackupFailed, DiskSilent, StoreBroken: it was not made.
        """

        def work(progress: PackProgress) -> BackupInfo:
            copy = ConsistentCopy(self._store, self._extras, progress)
            versions = self._store.schemas.versions()
            made, _ = self._repository.create(kind, name, copy.fill, versions, progress)
            return made.info()

        made = await self._run(work, "create", len(self._store.index), within_seconds)
        await self._alerts.backup_made()
        return made

    async def listing(self) -> BackupListing:
        """All backups, and what is wrong with the rest.

        Raises:
            DiskSilent, OSError: they cannot be listed.
        """
        return await self._run(lambda _: self._repository.listing())

    async def sweep(self) -> BackupListing:
        """Remove what was never finished, then list the rest.

        Raises:
            DiskSilent, OSError: they cannot be listed.
        """

        def work(_: PackProgress) -> BackupListing:
            self._repository.sweep()
            return self._repository.listing()

        return await self._run(work)

    async def verify(self, id: str) -> BackupsVerifiedEvent:
        """Read one backup from end to end, or all of them if the id is empty.

        Raises:
            DiskSilent, OSError: they cannot be read.
        """
        listing = await self.listing()
        chosen = [one for one in listing.manifests if id in ("", one.id)]
        faults = [fault for fault in listing.faults if id in ("", fault.id)]
        if id and not chosen and not faults:
            missing = await self._run(lambda _: self._repository.verify(id))
            return BackupsVerifiedEvent(verified=[], faults=missing)

        def work(progress: PackProgress) -> list[BackupFault]:
            return [fault for one in chosen for fault in self._repository.verify(one.id, progress)]

        faults += await self._run(work, "verify", sum(one.documents for one in chosen))
        return BackupsVerifiedEvent(
            verified=[one.id for one in chosen],
            faults=faults,
            unfinished=[] if id else [*listing.unfinished],
        )

    async def restore(self, request: BackupRestoreRequestEvent) -> RestoreOutcome:
        """Restore a backup; if a key is locked, ask the keychain and try once more.

        Raises:
            BackupNotFound, BackupDamaged, BackupTooNew, RestoreRefused, StateError, BackupFailed, DiskSilent:
                nothing was changed.
            StoreBroken: only a restart can tell what is on disk.
        """

        def work(progress: PackProgress) -> RestoreOutcome:
            restore = BackupRestore(self._store, self._repository, self._extras, progress)
            return restore.run(
                request.id,
                request.keys,
                settings=request.settings,
                without_damaged=request.without_damaged,
                dry_run=request.dry_run,
            )

        try:
            outcome = await self._run(work, "restore")
        except (LoadFailed, SaveFailed) as error:
            if not error.is_locked:
                raise
            await self._unlocker.unlock()
            outcome = await self._run(work, "restore")
        if not request.dry_run:
            self._documents.forget()
        return outcome

    async def prune(self, *, dry_run: bool) -> BackupsPrunedEvent:
        """Remove the backups that the retention does not keep, and note each of them.

        Raises:
            DiskSilent, OSError: something cannot be read or removed.
        """
        pruned = await self._run(lambda _: prune(self._repository, self._table, dry_run=dry_run))
        for id in () if dry_run else pruned.removed:
            self._audit.record("state_store", "prune", id, "ok")
        return pruned

    async def check(self, *, repair: bool) -> CheckReport:
        """Check every document and every backup.

        Raises:
            DiskSilent, OSError: the store cannot be checked.
            StoreBroken: only a restart can tell what is on disk.
        """

        def work(progress: PackProgress) -> CheckReport:
            check = IntegrityCheck(self._store, self._repository, repair=repair, progress=progress)
            check.check_documents()
            return check.check_backups()

        report = await self._run(work, "check", len(self._store.index))
        if repair:
            self._documents.forget()
        return report

    async def _run(
        self,
        work: Callable[[PackProgress], FoundT],
        kind: JobKind | None = None,
        total: int = 0,
        within_seconds: float = math.inf,
    ) -> FoundT:
        try:
            return await self._job.run(work, kind, total, within_seconds)
        except DiskSilent:
            if not self._job.is_ending and within_seconds == math.inf:
                await self._alerts.disk_silent()
            raise
