"""Answers what is asked about backups, makes them by itself, and looks after them; one thing at a time, beside everything else."""

from __future__ import annotations

import fnmatch
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final, TypeVar, assert_never

import anyio
import anyio.abc
import anyio.to_thread

from actors.shared.durable.durable_write import DurableWriteFailed
from actors.shared.profile.profile_tables import BackupsTable
from actors.state_store.audit_notes import Audit
from actors.state_store.backups import backup_schedule
from actors.state_store.backups.background_job import Doing, Labour
from actors.state_store.backups.backup_pack import Progress
from actors.state_store.backups.backup_pruning import prune
from actors.state_store.backups.consistent_copy import Copier
from actors.state_store.backups.errors import PlaceSilent
from actors.state_store.backups.integrity_check import Inspector, Report
from actors.state_store.backups.last_runs import Upkeep, is_migrated, read_upkeep, write_upkeep
from actors.state_store.backups.repository import Listed, Vault
from actors.state_store.backups.restore import Restored, Restorer
from actors.state_store.documents.document_repair import Ladder
from actors.state_store.documents.document_store import DocumentStore
from actors.state_store.engine.key_paths import DOCUMENTS, namespace_of, rest_of
from actors.state_store.engine.store import StateStore
from actors.state_store.errors import LoadFailed, SaveFailed, StoreBroken
from actors.state_store.watchdog import PATIENCE_SECONDS
from bus.actor import Later
from bus.alert_book import Alerts
from bus.errors import Refused, UndercroftError
from schemas.backups import (
    BACKUP_NAME_LIMIT,
    RESTORE_KEY_LIMIT,
    BackupCreatedEvent,
    BackupCreateRequestEvent,
    BackupFault,
    BackupInfo,
    BackupKind,
    BackupRestoredEvent,
    BackupRestoreRequestEvent,
    BackupsListedEvent,
    BackupsListRequestEvent,
    BackupsPrunedEvent,
    BackupsPruneRequestEvent,
    BackupsVerifiedEvent,
    BackupsVerifyRequestEvent,
    StateCheckedEvent,
    StateCheckRequestEvent,
)
from schemas.documents import DocumentChangedEvent
from schemas.event import Event, topic_of
from schemas.state import StateChangedEvent

FAILED: Final = "state_persistence.backup_failed"
STALE: Final = "state_persistence.backup_stale"
SILENT: Final = "state_persistence.backups_silent"
UNSOUND: Final = "state_persistence.integrity"

FIRST_SECONDS: Final = 20.0
"""So long after its start the store does nothing by itself: the app has better things to do."""

TICK_SECONDS: Final = 60.0
START_BACKUP_SECONDS: Final = 10.0
"""A start waits so long for the backup before a migration."""

BackupRequest = (
    BackupCreateRequestEvent
    | BackupsListRequestEvent
    | BackupsVerifyRequestEvent
    | BackupRestoreRequestEvent
    | BackupsPruneRequestEvent
    | StateCheckRequestEvent
)
FoundT = TypeVar("FoundT")


class BackupDesk:
    """Backups and checks of one store, over the bus."""

    def __init__(
        self,
        store: StateStore,
        documents: DocumentStore,
        vault: Vault,
        extras: Mapping[str, Path],
        table: BackupsTable,
        audit: Audit | None = None,
        clock: Callable[[], float] = time.time,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        """Args: extras: as for `Copier`. clock: seconds since the Unix epoch. patience_seconds: for so long a disk may be silent."""
        self._store = store
        self._documents = documents
        self._vault = vault
        self._extras = extras
        self._table = table
        self._audit = audit
        self._clock = clock
        self._labour = Labour(vault.root, patience_seconds)
        self._idle_since = (0, 0.0)
        store.repair = Ladder(store, vault).repair

    async def open(
        self,
        publish: Callable[[Event], Awaitable[None]],
        alerts: Alerts,
        tasks: anyio.abc.TaskGroup,
        unlock: Callable[[], Awaitable[None]],
        tell: Callable[[], Awaitable[None]],
    ) -> None:
        """Get ready; where schemas have later versions than before, everything is backed up first. `tell`: of what happened in the store."""
        self._publish, self._alerts, self._unlock, self._tell = publish, alerts, unlock, tell
        self._labour.open(publish, tasks)
        self._one_at_a_time = anyio.Lock()
        self._opened_at = self._clock()
        self._upkeep = await anyio.to_thread.run_sync(read_upkeep, self._store.root)
        versions = self._store.schemata.versions()
        self._owes_one = is_migrated(self._upkeep, versions) and len(self._store.index) > 0
        if self._owes_one and not self._store.tree.is_backups_silent:
            await self._before_migration(
                START_BACKUP_SECONDS
            )  # if that is not enough, it is made as soon as can be: until then
        elif (
            not self._owes_one and versions != self._upkeep.versions
        ):  # each value of an older version is kept when it is replaced
            await self._remember(Upkeep(versions=versions, checked_at=self._upkeep.checked_at))

    def handle(self, who: str, event: BackupRequest) -> Later:
        """Check who asks; the answer takes its time.

        Raises:
            Refused: they may not, or ask for too much.
        """
        if not any(fnmatch.fnmatchcase(who, pattern) for pattern in self._table.operators):
            self._note(who, _verb(event), "", "refused")
            raise Refused(
                f"{who!r} may not do anything with backups; [state.backups] operators in profile.toml says who may"
            )
        if isinstance(event, BackupCreateRequestEvent) and len(event.name) > BACKUP_NAME_LIMIT:
            raise Refused(f"the name of a backup has at most {BACKUP_NAME_LIMIT} signs")
        if isinstance(event, BackupRestoreRequestEvent) and len(event.keys) > RESTORE_KEY_LIMIT:
            raise Refused(
                f"at most {RESTORE_KEY_LIMIT} keys are restored by name; without any, everything is"
            )
        return Later(lambda: self._answer(who, event))

    async def run(self) -> None:
        """Make backups, remove old ones and look at everything when it is time, until cancelled."""
        await anyio.sleep(FIRST_SECONDS)
        while True:
            async with self._one_at_a_time:
                await self.tick()
            await anyio.sleep(TICK_SECONDS)

    def end(self) -> None:
        """Give up what is under way; what is half done does not count."""
        self._labour.end()

    # -- by itself
    # -------------------------------------------------------------------------------------------------

    async def tick(self) -> None:
        """See what is due now, and do it."""
        now, revision = self._clock(), self._store.revision
        if self._idle_since[0] != revision:
            self._idle_since = (revision, now)
        if not await self._is_answering():
            return
        if self._owes_one:
            await self._before_migration()
        try:
            newest = _newest(await self._patiently(lambda _: self._swept()))
        except (UndercroftError, OSError) as error:
            await self._failed(error)
            return
        if backup_schedule.is_due(
            newest, revision, now, self._table.every_hours
        ) and await self._try_to_create("scheduled"):
            newest = backup_schedule.Newest(now, self._store.revision)
            await self._patiently(lambda _: self._prune(False))
        if backup_schedule.is_stale(newest, revision, now, self._table.every_hours, self._opened_at):
            words = (
                "there is none"
                if newest is None
                else f"the newest one is {(now - newest.made_at) / 3600:.0f} hours old"
            )
            message = f"what changed since is in no backup: {words}, expected one every {self._table.every_hours:g} hours"
            await self._alerts.raise_alert(
                STALE, severity="warning", message=message, advice="See why backups fail, or make one."
            )
        else:
            await self._alerts.clear(STALE)
        if backup_schedule.is_check_due(
            self._upkeep.checked_at or self._opened_at,
            self._idle_since[1],
            now,
            self._table.check_hours,
            TICK_SECONDS,
        ):
            await self._check_by_itself()

    async def _is_answering(self) -> bool:
        try:
            is_answering = await anyio.to_thread.run_sync(self._store.tree.probe_backups)
        except OSError as error:
            await self._failed(error)
            return False
        if is_answering:
            await self._alerts.clear(SILENT)
            return True
        await self._silent()
        return False

    async def _silent(self) -> None:
        advice = "See whether its disk, or the server that it is on, is there. The app goes on meanwhile, without backups."
        message = f"{self._vault.root}: the disk of the backups does not answer"
        await self._alerts.raise_alert(SILENT, severity="error", message=message, advice=advice)

    async def _failed(self, error: Exception) -> None:
        await self._alerts.raise_alert(
            FAILED,
            severity="error",
            message=str(error),
            advice="Free some space, check the disk, then make a backup.",
        )

    async def _before_migration(self, within_seconds: float = math.inf) -> None:
        if await self._try_to_create("before_migration", within_seconds):
            self._owes_one = False
            await self._remember(
                Upkeep(versions=self._store.schemata.versions(), checked_at=self._upkeep.checked_at)
            )

    async def _try_to_create(self, kind: BackupKind, within_seconds: float = math.inf) -> bool:
        try:
            await self._create(kind, "", within_seconds)
        except StoreBroken:
            raise
        except (UndercroftError, OSError) as error:
            await self._failed(error)
            return False
        return True

    async def _check_by_itself(self) -> None:
        try:
            report = await self._check(repair=True)
        except StoreBroken:
            raise
        except (UndercroftError, OSError) as error:
            await self._alerts.raise_alert(
                UNSOUND, severity="error", message=f"not checked: {error}", advice="Check the disk."
            )
            return
        await self._remember(Upkeep(versions=self._upkeep.versions, checked_at=self._clock()))
        if report.is_sound:
            await self._alerts.clear(UNSOUND)
        else:
            message = f"{report.total} findings, the first of them: {report.findings[0].path}: {report.findings[0].problem}"
            await self._alerts.raise_alert(
                UNSOUND, severity="error", message=message, advice="Run 'undercroft state check'."
            )

    async def _remember(self, upkeep: Upkeep) -> None:
        self._upkeep = upkeep
        try:
            await anyio.to_thread.run_sync(write_upkeep, self._store.root, upkeep)
        except (OSError, DurableWriteFailed) as error:
            await self._failed(error)

    # -- asked for
    # -------------------------------------------------------------------------------------------------

    async def _answer(self, who: str, event: BackupRequest) -> Event:
        try:
            async with self._one_at_a_time:
                reply = await self._done(who, event)
        except StoreBroken:
            raise
        except (UndercroftError, OSError) as error:
            self._note(who, _verb(event), getattr(event, "id", ""), "refused")
            raise Refused(str(error)) from error
        self._note(
            who,
            _verb(event),
            getattr(event, "id", "") or (reply.backup.id if isinstance(reply, BackupCreatedEvent) else ""),
            "ok",
        )
        return reply

    async def _done(self, who: str, event: BackupRequest) -> Event:
        match event:
            case BackupCreateRequestEvent():
                return BackupCreatedEvent(backup=await self._create("manual", event.name))
            case BackupsListRequestEvent():
                listed = await self._patiently(lambda _: self._vault.listed())
                return BackupsListedEvent(
                    backups=[one.info() for one in listed.manifests], faults=listed.faults
                )
            case BackupsVerifyRequestEvent():
                return await self._verify(event.id)
            case BackupRestoreRequestEvent():
                return await self._restore(who, event)
            case BackupsPruneRequestEvent():
                return await self._patiently(lambda _: self._prune(event.dry_run))
            case StateCheckRequestEvent():
                report = await self._check(repair=event.repair)
                return StateCheckedEvent(**vars(report))
            case _:
                assert_never(event)

    async def _create(self, kind: BackupKind, name: str, within_seconds: float = math.inf) -> BackupInfo:
        def work(progress: Progress) -> BackupInfo:
            copier = Copier(self._store, self._extras, progress)
            made, _ = self._vault.create(
                kind, name, copier.fill, lambda: copier.revision, self._store.schemata.versions(), progress
            )
            return made.info()

        made = await self._patiently(work, "create", len(self._store.index), within_seconds)
        await self._alerts.clear(FAILED)
        await self._alerts.clear(STALE)
        return made

    async def _verify(self, id: str) -> BackupsVerifiedEvent:
        listed = await self._patiently(lambda _: self._vault.listed())
        chosen = [one for one in listed.manifests if id in ("", one.id)]
        faults = [fault for fault in listed.faults if id in ("", fault.id)]
        if id and not chosen and not faults:
            chosen_faults = await self._patiently(lambda _: self._vault.verify(id))
            return BackupsVerifiedEvent(verified=[], faults=chosen_faults)

        def work(progress: Progress) -> list[BackupFault]:
            return [fault for one in chosen for fault in self._vault.verify(one.id, progress)]

        faults += await self._patiently(work, "verify", sum(one.documents for one in chosen))
        return BackupsVerifiedEvent(verified=[one.id for one in chosen], faults=faults)

    async def _restore(self, who: str, event: BackupRestoreRequestEvent) -> BackupRestoredEvent:
        def work(progress: Progress) -> Restored:
            return Restorer(self._store, self._vault, self._extras, progress).restore(
                event.id,
                event.keys,
                settings=event.settings,
                without_damaged=event.without_damaged,
                dry_run=event.dry_run,
            )

        try:
            found = await self._patiently(work, "restore", 0)
        except (LoadFailed, SaveFailed) as error:
            if not error.is_locked:
                raise
            await self._unlock()
            found = await self._patiently(work, "restore", 0)
        if not event.dry_run:
            self._documents.forget()
            await self._announce(who, found)
        return BackupRestoredEvent(
            id=found.id,
            saved_as=found.saved_as,
            changed=len(found.changed),
            removed=len(found.removed),
            unchanged=found.unchanged,
            left_out=sorted(found.left_out)[:RESTORE_KEY_LIMIT],
            settings=found.settings,
        )

    async def _announce(self, who: str, found: Restored) -> None:
        revision = self._store.revision
        for key, changed, deleted in [
            *((key, at, False) for key, at in found.changed.items()),
            *((key, revision, True) for key in found.removed),
        ]:
            if namespace_of(key) == DOCUMENTS:
                await self._publish(
                    DocumentChangedEvent(type_name=rest_of(key), revision=changed, source=who)
                )
            else:
                await self._publish(StateChangedEvent(key=key, revision=changed, deleted=deleted, source=who))

    async def _check(self, *, repair: bool) -> Report:
        def work(progress: Progress) -> Report:
            inspector = Inspector(self._store, self._vault, repair=repair, progress=progress)
            inspector.documents()
            return inspector.backups()

        report = await self._patiently(work, "check", len(self._store.index))
        if repair:
            self._documents.forget()
        await self._tell()
        return report

    # -- in a thread
    # -----------------------------------------------------------------------------------------------

    def _swept(self) -> Listed:
        self._vault.sweep()
        return self._vault.listed()

    def _prune(self, dry_run: bool) -> BackupsPrunedEvent:
        pruned = prune(self._vault, self._table, dry_run=dry_run)
        for id in () if dry_run else pruned.removed:
            self._note("state_store", "prune", id, "ok")
        return pruned

    async def _patiently(
        self,
        work: Callable[[Progress], FoundT],
        doing: Doing | None = None,
        total: int = 0,
        within_seconds: float = math.inf,
    ) -> FoundT:
        try:
            return await self._labour.do(work, doing, total, within_seconds)
        except PlaceSilent:
            if not self._labour.is_ending and within_seconds == math.inf:
                await self._silent()
            raise

    def _note(self, who: str, verb: str, id: str, outcome: str) -> None:
        if self._audit is not None:
            self._audit.record(who, verb, id[:200], outcome)


def _verb(event: Event) -> str:
    """How the audit log calls it."""
    return topic_of(type(event))


def _newest(listed: Listed) -> backup_schedule.Newest | None:
    found = next((one for one in listed.manifests if one.kind != "imported"), None)
    return backup_schedule.Newest(found.created_at, found.revision) if found is not None else None
