"""Jobs: give up a silent disk, ask for a locked key once, and note what they remove."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest

from actors.shared.profile.profile_tables import BackupsTable
from actors.state_store.backups.backup_alerts import SILENT, BackupAlerts
from actors.state_store.backups.backup_jobs import BackupJobs
from actors.state_store.backups.repository import BackupRepository
from actors.state_store.documents.document_store import DocumentStore
from actors.state_store.engine.store import StateStore
from actors.state_store.errors import LoadFailed
from actors.state_store.key_status import KeyStatus
from actors.state_store.key_unlocker import KeyUnlocker
from actors.state_store.watchdog import DiskSilent
from bus.telemetry.alert_book import Alerts
from schemas.backups import BackupRestoreRequestEvent
from schemas.event import Event
from tests.support.state_lab import AuditInMemory, HeldKeys, back_up, opened, repository_of, save

pytestmark = pytest.mark.anyio
NOON = 1767268800.0
DAY = 86400.0


class Keychain(HeldKeys):
    """Locked until it is asked."""

    asked = 0

    def unlock(self, *, make: bool = False) -> None:
        self.asked += 1
        self.is_locked = False


@dataclass
class Lab:
    store: StateStore
    jobs: BackupJobs
    alerts: Alerts
    audit: AuditInMemory
    keys: Keychain


@contextlib.asynccontextmanager
async def lab_at(
    root: Path, table: BackupsTable | None = None, silence_limit_seconds: float = 20.0
) -> AsyncIterator[Lab]:
    async def publish(event: Event) -> None:
        """Nobody listens."""

    keys, audit, alerts = Keychain(), AuditInMemory(), Alerts("state_store", publish)
    store = opened(root / "store", keys=keys)
    async with anyio.create_task_group() as tasks:
        repository = repository_of(store)
        jobs = BackupJobs(
            store,
            DocumentStore(store, {}),
            repository,
            table or BackupsTable(),
            {},
            BackupAlerts(alerts, repository.root),
            audit,
            KeyUnlocker(keys, KeyStatus("state_store", keys.report, publish, alerts), tasks),
            publish,
            tasks,
            silence_limit_seconds,
        )
        yield Lab(store, jobs, alerts, audit, keys)
        tasks.cancel_scope.cancel()
    store.close()


async def test_a_silent_disk_is_given_up_and_is_an_alert(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hang = threading.Event()
    monkeypatch.setattr(BackupRepository, "listing", lambda _: hang.wait())
    async with lab_at(tmp_path, silence_limit_seconds=0.05) as lab:
        with pytest.raises(DiskSilent):
            await lab.jobs.listing()
        assert [alert.name for alert in lab.alerts.active()] == [SILENT]
        hang.set()


async def test_a_job_that_is_given_up_at_the_end_is_no_alert(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hang = threading.Event()
    monkeypatch.setattr(BackupRepository, "listing", lambda _: hang.wait())
    async with lab_at(tmp_path) as lab:
        lab.jobs.end()
        with pytest.raises(DiskSilent):
            await lab.jobs.listing()
        assert lab.alerts.active() == []
        hang.set()


async def test_a_restore_that_needs_a_locked_key_asks_the_keychain_and_tries_again(tmp_path: Path) -> None:
    async with lab_at(tmp_path) as lab:
        save(lab.store, vault__s="hidden")
        made = back_up(lab.store, "imported")
        lab.keys.is_locked = True
        outcome = await lab.jobs.restore(BackupRestoreRequestEvent(id=made.id))
        assert (lab.keys.asked, outcome.id) == (1, made.id)


async def test_a_key_that_stays_locked_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with lab_at(tmp_path) as lab:
        save(lab.store, vault__s="hidden")
        made = back_up(lab.store, "imported")
        lab.keys.is_locked = True
        monkeypatch.setattr(Keychain, "unlock", lambda _, make: None)
        with pytest.raises(LoadFailed, match="locked"):
            await lab.jobs.restore(BackupRestoreRequestEvent(id=made.id))


async def test_each_backup_that_is_pruned_is_noted_and_a_dry_run_notes_nothing(tmp_path: Path) -> None:
    table = BackupsTable(keep_last=1, keep_daily=0, keep_weekly=0, keep_monthly=0)
    async with lab_at(tmp_path, table) as lab:
        save(lab.store, notes__a=1)
        old, _ = (back_up(lab.store, "scheduled", now=NOON + number * DAY).id for number in range(2))
        assert (await lab.jobs.prune(dry_run=True)).removed == [old]
        assert lab.audit.lines == []
        assert (await lab.jobs.prune(dry_run=False)).removed == [old]
        assert lab.audit.lines == [("state_store", "prune", old, "ok")]
