"""Backups and checks without a request: before a migration, by schedule, and while nobody writes."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from actors.shared.clocks import StampClock
from actors.shared.profile.profile_tables import BackupsTable
from actors.state_store.backups import automatic_backups
from actors.state_store.backups.backup_alerts import FAILED, STALE, UNSOUND
from actors.state_store.backups.errors import BackupFailed
from actors.state_store.backups.repository import BackupRepository
from actors.state_store.engine.values.value_schemas import ValueSchemas
from schemas.backups import BackupCreateRequestEvent, BackupsPruneRequestEvent, StateCheckRequestEvent
from tests.support.dead_mount import dead_mount, impatient_watchdogs
from tests.support.state_lab import backups_of, running_with_backups

pytestmark = pytest.mark.anyio
HOUR = 3600.0


@pytest.mark.requirement("S3-19")
async def test_by_itself_one_is_made_only_if_something_changed_and_old_ones_go(tmp_path: Path) -> None:
    table = BackupsTable(keep_last=2, keep_daily=0, keep_weekly=0, keep_monthly=0, check_hours=0)
    async with running_with_backups(tmp_path, table) as lab:
        await lab.actor.automatic_backups.tick()
        assert await backups_of(lab) == [], "there is nothing to back up"
        for number in range(4):
            await lab.save("notes.a", number)
            await lab.actor.automatic_backups.tick()
            await lab.actor.automatic_backups.tick()
            lab.now[0] += 25 * HOUR
        assert [one.kind for one in await backups_of(lab)] == ["scheduled"] * 2
        before = await backups_of(lab)
        await lab.actor.automatic_backups.tick()
        assert await backups_of(lab) == before, "nothing changed since"
        assert ("state_store", "prune", "20260101T120000Z-scheduled-s1", "ok") in lab.audit.lines
        pruned = await lab.app.request(BackupsPruneRequestEvent(dry_run=True))
        assert ([one.reasons for one in pruned.kept], pruned.removed) == ([["last"], ["last"]], [])


@pytest.mark.parametrize("jump_hours", [24 * 400, -24 * 400, 30, -30])
async def test_a_clock_that_is_set_makes_nothing_due(tmp_path: Path, jump_hours: int) -> None:
    table = BackupsTable(every_hours=24.0, check_hours=24.0)
    async with running_with_backups(tmp_path, table) as lab:
        backups, passed = lab.actor.automatic_backups, [0.0]
        backups._stamps = StampClock(lambda: lab.now[0], lambda: passed[0])
        await lab.save("notes.a", 1)
        await backups.tick()
        (made,) = await backups_of(lab)
        checks = backups._last_runs.checked_at
        await lab.save("notes.a", 2)
        lab.now[0] += jump_hours * HOUR
        for _ in range(3):
            passed[0] += HOUR
            lab.now[0] += HOUR
            await backups.tick()
        assert await backups_of(lab) == [made]
        assert backups._last_runs.checked_at == checks
        assert lab.alerts() == []
        passed[0] += 24 * HOUR
        lab.now[0] += 24 * HOUR
        await backups.tick()
        assert len(await backups_of(lab)) == 2


async def test_a_backup_that_fails_and_a_schedule_that_is_missed_are_alerts_until_one_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise BackupFailed("the disk is full")

    async with running_with_backups(tmp_path, BackupsTable(check_hours=0)) as lab:
        await lab.save("notes.a", 1)
        monkeypatch.setattr(BackupRepository, "create", refuse)
        await lab.actor.automatic_backups.tick()
        assert lab.alerts() == [FAILED]
        lab.now[0] += 49 * HOUR
        await lab.actor.automatic_backups.tick()
        assert lab.alerts() == [FAILED, STALE]
        monkeypatch.undo()
        await lab.save("notes.a", 2)
        await lab.actor.automatic_backups.tick()
        assert lab.alerts() == []
        assert len(await backups_of(lab)) == 1


@pytest.mark.requirement("S3-8", "S3-18", "S3-29")
async def test_before_values_of_an_older_version_are_converted_everything_is_backed_up(
    tmp_path: Path,
) -> None:
    async with running_with_backups(tmp_path) as lab:
        await lab.save("notes.a", 1)
    newer = ValueSchemas((), {"Note": [lambda value: value]})
    async with running_with_backups(tmp_path, schemas=newer) as lab:
        (made,) = await backups_of(lab)
        assert (made.kind, made.documents) == ("before_migration", 1)
    async with running_with_backups(tmp_path, schemas=newer) as lab:
        assert len(await backups_of(lab)) == 1, "once"


@pytest.mark.requirement("S3-18", "S3-19")
async def test_everything_is_looked_at_while_nobody_writes_and_repaired(tmp_path: Path) -> None:
    async with running_with_backups(tmp_path, BackupsTable(every_hours=24.0, check_hours=24.0)) as lab:
        await lab.save("notes.a", 1)
        await lab.app.request(BackupCreateRequestEvent())
        lab.store.checkpoint()
        (tmp_path / "notes" / "a.json").write_bytes(b"{broken")
        found = await lab.app.request(StateCheckRequestEvent())
        assert (found.is_sound, [finding.kind for finding in found.findings]) == (False, ["damaged"])
        lab.now[0] += 25 * HOUR
        await lab.actor.automatic_backups.tick()
        assert (tmp_path / "notes" / "a.json").read_bytes() == b"{broken", (
            "somebody wrote a moment ago, as far as is known"
        )
        lab.now[0] += 61
        await lab.actor.automatic_backups.tick()
        assert UNSOUND not in lab.alerts(), "it was repaired"
        assert "state_persistence.corruption_detected" in lab.alerts(), "which is reported"
        assert await lab.load("notes.a") == 1
        (tmp_path / "notes" / "a.json").unlink()
        (tmp_path / "notes" / "a.json").mkdir()
        lab.now[0] += 25 * HOUR
        await lab.actor.automatic_backups.tick()
        assert UNSOUND not in lab.alerts(), "it was put aside, and a good copy took its place"
        assert (tmp_path / "notes" / "a.json.corrupt.2").is_dir()


async def test_a_store_starts_beside_a_dead_mount(tmp_path: Path) -> None:
    async with running_with_backups(tmp_path) as lab:
        await lab.save("notes.a", 1)
    with dead_mount(tmp_path / "backups"), impatient_watchdogs():
        async with running_with_backups(tmp_path) as lab:
            assert await lab.load("notes.a") == 1
            assert await lab.save("notes.a", 2) > 1


async def test_a_start_does_not_wait_long_for_the_backup_before_a_migration_which_is_made_soon_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_with_backups(tmp_path) as lab:
        await lab.save("notes.a", 1)
    newer = ValueSchemas((), {"Note": [lambda value: value]})
    monkeypatch.setattr(automatic_backups, "START_BACKUP_SECONDS", 0.0)
    hang = threading.Event()
    real = BackupRepository.create

    def slow(*arguments: Any, **options: Any) -> Any:
        hang.wait()
        return real(*arguments, **options)

    monkeypatch.setattr(BackupRepository, "create", slow)
    async with running_with_backups(tmp_path, BackupsTable(check_hours=0), schemas=newer) as lab:
        assert await lab.load("notes.a") == 1
        assert await backups_of(lab) == []
        monkeypatch.setattr(BackupRepository, "create", real)
        await lab.actor.automatic_backups.tick()
        assert [one.kind for one in await backups_of(lab)] == ["before_migration"]
        hang.set()
    async with running_with_backups(tmp_path, schemas=newer) as lab:
        assert len([one for one in await backups_of(lab) if one.kind == "before_migration"]) == 1
