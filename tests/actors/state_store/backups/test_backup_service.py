"""Backups over the bus: for operators only, noted, and beside a disk that does not answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.shared.profile.profile_tables import BackupsTable
from actors.state_store import watchdog
from actors.state_store.backups.backup_alerts import SILENT
from actors.state_store.engine import state_layout
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
from tests.support.dead_mount import dead_mount
from tests.support.state_lab import backups_of, refusal, running_with_backups

pytestmark = pytest.mark.anyio


@pytest.mark.requirement("S3-5", "S3-6", "S3-7", "S3-28")
async def test_back_up_change_several_types_and_restore_over_the_bus(tmp_path: Path) -> None:
    async with (
        running_with_backups(tmp_path) as world,
        world.app.subscribe(StateChangedEvent, DocumentChangedEvent) as events,
    ):
        await world.save("notes.a", 1)
        await world.save("vault.s", "hidden")
        await world.app.request(DocumentWriteRequestEvent(type_name="Marks", value={"n": 1}))
        made = (await world.app.request(BackupCreateRequestEvent(name="before"))).backup
        await world.save("notes.a", 2)
        await world.save("notes.later", 2)
        await world.app.request(StateDeleteRequestEvent(key="vault.s"))
        await world.app.request(DocumentWriteRequestEvent(type_name="Marks", value={"n": 2}))
        found = await world.app.request(BackupRestoreRequestEvent(id=made.id))
        assert (found.changed, found.removed, found.unchanged) == (3, 1, 0)
        assert (
            await world.load("notes.a"),
            await world.load("vault.s"),
            await world.load("notes.later"),
        ) == (1, "hidden", None)
        assert (await world.app.request(DocumentReadRequestEvent(type_name="Marks"))).value == {"n": 1}, (
            "what was cached is forgotten"
        )
        listing = await backups_of(world)
        assert {(one.id, one.kind, one.name, one.encrypted) for one in listing} == {
            (made.id, "manual", "before", True),
            (found.saved_as, "before_restore", "", False),
        }
        told = [await anext(events) for _ in range(7 + 4)][7:]
        assert {
            event.key for event in told if isinstance(event, StateChangedEvent) and not event.deleted
        } == {"notes.a", "vault.s"}
        assert [event.key for event in told if isinstance(event, StateChangedEvent) and event.deleted] == [
            "notes.later"
        ]
        assert [event.type_name for event in told if isinstance(event, DocumentChangedEvent)] == ["Marks"]
        assert ("app", "backups.restore", made.id, "ok") in world.audit.lines
        assert ("app", "backups.create", made.id, "ok") in world.audit.lines


async def test_what_cannot_be_is_refused_and_noted(tmp_path: Path) -> None:
    async with running_with_backups(tmp_path) as world:
        assert "there is no backup" in await refusal(world.app.request(BackupRestoreRequestEvent(id="../x")))
        assert "at most 200" in await refusal(world.app.request(BackupCreateRequestEvent(name="x" * 201)))
        assert "at most 1000 keys" in await refusal(
            world.app.request(BackupRestoreRequestEvent(id="x", keys=["a.b"] * 1001))
        )
        assert ("app", "backups.restore", "../x", "refused") in world.audit.lines
        found = await world.app.request(BackupsVerifyRequestEvent(id="nonsense"))
        assert (found.verified, [fault.id for fault in found.faults]) == ([], ["nonsense"])


@pytest.mark.requirement("S3-24")
async def test_only_operators_may_do_anything_with_backups(tmp_path: Path) -> None:
    async with running_with_backups(tmp_path, BackupsTable(operators=["boss", "cli-*"])) as world:
        for request in (
            BackupCreateRequestEvent(),
            BackupsListRequestEvent(),
            BackupsPruneRequestEvent(),
            StateCheckRequestEvent(),
        ):
            assert "'app' may not" in await refusal(world.app.request(request))
        assert ("app", "backups.create", "", "refused") in world.audit.lines


async def test_a_damaged_document_is_repaired_from_a_backup_when_it_is_loaded(tmp_path: Path) -> None:
    async with running_with_backups(tmp_path) as world:
        await world.save("notes.a", 1)
        made = (await world.app.request(BackupCreateRequestEvent())).backup
        world.store.checkpoint()
        (tmp_path / "notes" / "a.json").write_bytes(b"{broken")
        found = await world.app.request(StateLoadRequestEvent(key="notes.a"))
        assert (found.value, found.repaired_from) == (1, f"backup {made.id}")
        assert Path(found.evidence).read_bytes() == b"{broken"


async def test_a_mount_that_is_dead_hangs_nothing_but_backups_and_is_an_alert_until_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_layout, "PROBE_SECONDS", 0.3)
    monkeypatch.setattr(watchdog, "SLICE_SECONDS", 0.05)
    async with running_with_backups(tmp_path, silence_limit_seconds=0.3) as world:
        await world.save("notes.a", 1)
        with dead_mount(tmp_path / "backups"):
            assert "no answer" in await refusal(world.app.request(BackupCreateRequestEvent()))
            assert world.alerts() == [SILENT]
            await world.actor.automatic_backups.tick()
            assert await world.save("notes.a", 2) == 2
            assert "does not answer" in await refusal(world.save("notes.a", 3, backup=True))
            assert await world.load("notes.a") == 2
        await world.actor.automatic_backups.tick()
        assert SILENT not in world.alerts()
        assert [one.kind for one in await backups_of(world)] == ["scheduled"]
        assert await world.save("notes.a", 4, backup=True) == 4
