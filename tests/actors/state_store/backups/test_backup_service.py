"""Backups over the bus: for operators only, noted, and beside a disk that does not answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.shared.profile.profile_tables import BackupsTable
from actors.state_store import watchdog
from actors.state_store.backups.backup_alerts import SILENT
from schemas.backups import (
    BackupCreateRequestEvent,
    BackupRestoreRequestEvent,
    BackupsListRequestEvent,
    BackupsPruneRequestEvent,
    BackupsVerifyRequestEvent,
    StateCheckRequestEvent,
)
from schemas.documents import DocumentChangedEvent, DocumentReadRequestEvent, DocumentWriteRequestEvent
from schemas.state import StateChangedEvent, StateDeleteRequestEvent, StateLoadRequestEvent
from tests.support.dead_mount import dead_mount, impatient_watchdogs
from tests.support.state_lab import backups_of, refusal, running_with_backups

pytestmark = pytest.mark.anyio


@pytest.mark.requirement("S3-5", "S3-6", "S3-7", "S3-28")
async def test_back_up_change_several_types_and_restore_over_the_bus(tmp_path: Path) -> None:
    async with (
        running_with_backups(tmp_path) as lab,
        lab.app.subscribe(StateChangedEvent, DocumentChangedEvent) as events,
    ):
        await lab.save("notes.a", 1)
        await lab.save("vault.s", "hidden")
        await lab.app.request(DocumentWriteRequestEvent(type_name="Marks", value={"n": 1}))
        made = (await lab.app.request(BackupCreateRequestEvent(name="before"))).backup
        await lab.save("notes.a", 2)
        await lab.save("notes.later", 2)
        await lab.app.request(StateDeleteRequestEvent(key="vault.s"))
        await lab.app.request(DocumentWriteRequestEvent(type_name="Marks", value={"n": 2}))
        found = await lab.app.request(BackupRestoreRequestEvent(id=made.id))
        assert (found.changed, found.removed, found.unchanged) == (3, 1, 0)
        assert (
            await lab.load("notes.a"),
            await lab.load("vault.s"),
            await lab.load("notes.later"),
        ) == (1, "hidden", None)
        assert (await lab.app.request(DocumentReadRequestEvent(type_name="Marks"))).value == {"n": 1}, (
            "what was cached is forgotten"
        )
        listing = await backups_of(lab)
        assert {(one.id, one.kind, one.name, one.encrypted) for one in listing} == {
            (made.id, "manual", "before", True),
            (found.saved_as, "before_restore", "", False),
        }
        announced = [await anext(events) for _ in range(7 + 4)][7:]
        assert {
            event.key for event in announced if isinstance(event, StateChangedEvent) and not event.deleted
        } == {"notes.a", "vault.s"}
        assert [
            event.key for event in announced if isinstance(event, StateChangedEvent) and event.deleted
        ] == ["notes.later"]
        assert [event.type_name for event in announced if isinstance(event, DocumentChangedEvent)] == [
            "Marks"
        ]
        assert ("app", "backups.restore", made.id, "ok") in lab.audit.lines
        assert ("app", "backups.create", made.id, "ok") in lab.audit.lines


async def test_what_cannot_be_is_refused_and_noted(tmp_path: Path) -> None:
    async with running_with_backups(tmp_path) as lab:
        assert "there is no backup" in await refusal(lab.app.request(BackupRestoreRequestEvent(id="../x")))
        assert "at most 200" in await refusal(lab.app.request(BackupCreateRequestEvent(name="x" * 201)))
        assert "at most 1000 keys" in await refusal(
            lab.app.request(BackupRestoreRequestEvent(id="x", keys=["a.b"] * 1001))
        )
        assert ("app", "backups.restore", "../x", "refused") in lab.audit.lines
        found = await lab.app.request(BackupsVerifyRequestEvent(id="nonsense"))
        assert (found.verified, [fault.id for fault in found.faults]) == ([], ["nonsense"])


@pytest.mark.requirement("S3-24")
async def test_only_operators_may_do_anything_with_backups(tmp_path: Path) -> None:
    async with running_with_backups(tmp_path, BackupsTable(operators=["boss", "cli-*"])) as lab:
        for request in (
            BackupCreateRequestEvent(),
            BackupsListRequestEvent(),
            BackupsPruneRequestEvent(),
            StateCheckRequestEvent(),
        ):
            assert "'app' may not" in await refusal(lab.app.request(request))
        assert ("app", "backups.create", "", "refused") in lab.audit.lines


async def test_a_damaged_document_is_repaired_from_a_backup_when_it_is_loaded(tmp_path: Path) -> None:
    async with running_with_backups(tmp_path) as lab:
        await lab.save("notes.a", 1)
        made = (await lab.app.request(BackupCreateRequestEvent())).backup
        lab.store.checkpoint()
        (tmp_path / "notes" / "a.json").write_bytes(b"{broken")
        found = await lab.app.request(StateLoadRequestEvent(key="notes.a"))
        assert (found.value, found.repaired_from) == (1, f"backup {made.id}")
        assert Path(found.evidence).read_bytes() == b"{broken"


async def test_a_mount_that_is_dead_hangs_nothing_but_backups_and_is_an_alert_until_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchdog, "SLICE_SECONDS", 0.05)
    async with running_with_backups(tmp_path) as lab:
        await lab.save("notes.a", 1)
        with dead_mount(tmp_path / "backups"), impatient_watchdogs():
            assert "no answer" in await refusal(lab.app.request(BackupCreateRequestEvent()))
            assert lab.alerts() == [SILENT]
            await lab.actor.automatic_backups.tick()
            assert await lab.save("notes.a", 2) == 2
            assert "does not answer" in await refusal(lab.save("notes.a", 3, backup=True))
            assert await lab.load("notes.a") == 2
        await lab.actor.automatic_backups.tick()
        assert SILENT not in lab.alerts()
        assert [one.kind for one in await backups_of(lab)] == ["scheduled"]
        assert await lab.save("notes.a", 4, backup=True) == 4
