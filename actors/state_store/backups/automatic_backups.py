"""Backups and checks without a request: before a migration, by schedule, and while nobody writes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Final

import anyio
import anyio.to_thread
import msgspec

from actors.shared.clocks import StampClock, elapsed_beside
from actors.shared.profile.profile_tables import BackupsTable
from actors.state_store.backups.backup_alerts import BackupAlerts
from actors.state_store.backups.backup_jobs import BackupJobs
from actors.state_store.backups.backup_schedule import NewestBackup, is_check_due, is_due, is_stale
from actors.state_store.backups.last_runs import LastRuns, is_migrated, read_last_runs, write_last_runs
from actors.state_store.backups.repository import BackupListing
from actors.state_store.engine.store import StateStore
from actors.state_store.errors import StoreBroken
from actors.state_store.health import HealthReporter
from bus.errors import UndercroftError
from schemas.backups import BackupKind

FIRST_SECONDS: Final = 20.0
"""How long after its start the store does nothing without a request: the app is busy then."""

TICK_SECONDS: Final = 60.0
START_BACKUP_SECONDS: Final = 10.0
"""How long a start waits for the backup before a migration."""


class AutomaticBackups:
    """Looks every minute what is due, and does it."""

    def __init__(
        self,
        jobs: BackupJobs,
        store: StateStore,
        alerts: BackupAlerts,
        health: HealthReporter,
        table: BackupsTable,
        clock: Callable[[], float] = time.time,
        elapsed: Callable[[], float] | None = None,
    ) -> None:
        """Nothing is due before `prepare`.

        Args:
            jobs: carry out what is due.
            store: what is backed up.
            alerts: show what failed.
            health: reports what a check found out about the store.
            table: the intervals.
            clock: seconds since the Unix epoch.
            elapsed: seconds that have passed; nobody sets them.
        """
        self._jobs = jobs
        self._store = store
        self._alerts = alerts
        self._health = health
        self._table = table
        self._clock = clock
        self._stamps = StampClock(clock, elapsed or elapsed_beside(clock))
        self._opened_at = self._stamps.now()
        self._last_runs = LastRuns()
        self._needs_migration_backup = False
        self._idle_since = (0, 0.0)

    async def prepare(self) -> None:
        """If a schema has a later version than before, back everything up before a value is converted.

        A slow disk delays the start only for a while. The backup is then made soon after it; until then each
        value of an older version is kept when it is replaced.
        """
        self._opened_at = self._stamps.now()
        self._last_runs = await anyio.to_thread.run_sync(read_last_runs, self._store.root)
        versions = self._store.schemas.versions()
        self._needs_migration_backup = is_migrated(self._last_runs, versions) and len(self._store.index) > 0
        if self._needs_migration_backup:
            if not self._store.layout.is_backups_silent:
                await self._back_up_before_migration(START_BACKUP_SECONDS)
        elif versions != self._last_runs.versions:
            await self._remember(msgspec.structs.replace(self._last_runs, versions=versions))

    async def run(self) -> None:
        """Do what is due, again and again, until cancelled."""
        await anyio.sleep(FIRST_SECONDS)
        while True:
            async with self._jobs.turn:
                await self.tick()
            await anyio.sleep(TICK_SECONDS)

    async def tick(self) -> None:
        """Do what is due now."""
        now, revision = self._stamps.now(), self._store.revision
        if self._idle_since[0] != revision:
            self._idle_since = (revision, now)
        if not await self._disk_answers():
            return
        if self._needs_migration_backup:
            await self._back_up_before_migration()
        try:
            newest = self._newest(await self._jobs.sweep())
        except (UndercroftError, OSError) as error:
            await self._alerts.backup_failed(error)
            return
        every_hours = self._table.every_hours
        if is_due(newest, revision, now, every_hours) and await self._back_up("scheduled"):
            newest = NewestBackup(now, self._store.revision)
            await self._prune()
        if is_stale(newest, revision, now, every_hours, self._opened_at):
            await self._alerts.backup_stale(None if newest is None else now - newest.made_at, every_hours)
        else:
            await self._alerts.backup_current()
        last = self._last_runs.checked_at
        checked_at = self._stamps.at(last) if last else self._opened_at
        if is_check_due(checked_at, self._idle_since[1], now, self._table.check_hours, TICK_SECONDS):
            await self._check()

    def _newest(self, listing: BackupListing) -> NewestBackup | None:
        """The one that holds the newest revision: after the clock was set back, the newest stamp may lie."""
        own = [one for one in listing.manifests if one.kind != "imported"]
        known = [one for one in own if one.revision <= self._store.revision]
        found = max(known or own, key=lambda one: (one.revision, one.created_at), default=None)
        return NewestBackup(self._stamps.at(found.created_at), found.revision) if found is not None else None

    async def _disk_answers(self) -> bool:
        try:
            answers = await anyio.to_thread.run_sync(self._store.layout.probe_backups)
        except OSError as error:
            await self._alerts.backup_failed(error)
            return False
        if answers:
            await self._alerts.disk_answers()
        else:
            await self._alerts.disk_silent()
        return answers

    async def _back_up_before_migration(self, within_seconds: float = math.inf) -> None:
        if await self._back_up("before_migration", within_seconds):
            self._needs_migration_backup = False
            versions = self._store.schemas.versions()
            await self._remember(msgspec.structs.replace(self._last_runs, versions=versions))

    async def _back_up(self, kind: BackupKind, within_seconds: float = math.inf) -> bool:
        try:
            made = await self._jobs.create(kind, "", within_seconds)
        except StoreBroken:
            raise
        except (UndercroftError, OSError) as error:
            await self._alerts.backup_failed(error)
            return False
        self._stamps.at(made.created_at)
        await self._health.report_incidents()
        return True

    async def _prune(self) -> None:
        try:
            await self._jobs.prune(dry_run=False)
        except (UndercroftError, OSError) as error:
            await self._alerts.backup_failed(error)

    async def _check(self) -> None:
        try:
            report = await self._jobs.check(repair=True)
        except StoreBroken:
            raise
        except (UndercroftError, OSError) as error:
            await self._alerts.check_failed(error)
            return
        await self._health.report_incidents()
        await self._remember(msgspec.structs.replace(self._last_runs, checked_at=self._clock()))
        await self._alerts.checked(report)

    async def _remember(self, last_runs: LastRuns) -> None:
        self._last_runs = last_runs
        if last_runs.checked_at:
            self._stamps.at(last_runs.checked_at)
        try:
            await anyio.to_thread.run_sync(write_last_runs, self._store.root, last_runs)
        except (UndercroftError, OSError) as error:
            await self._alerts.backup_failed(error)
