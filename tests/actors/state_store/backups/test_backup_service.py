"""Backups over a bus: asked for, by themselves, and beside a disk that does not answer."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from actors.shared.profile.profile_tables import BackupsTable
from actors.state_store import watchdog
from actors.state_store.actor import StateStoreActor
from actors.state_store.backups import backup_service as desk
from actors.state_store.backups.backup_service import FAILED, SILENT, STALE, UNSOUND, BackupDesk
from actors.state_store.backups.repository import Vault
from actors.state_store.documents.document_store import DocumentStore
from actors.state_store.documents.document_types import kinds_of
from actors.state_store.engine import state_layout
from actors.state_store.engine.store import StateStore
from actors.state_store.engine.value_schemas import Schemata
from actors.state_store.namespaces import Namespaces
from bus.actor_loop import ActorLoop
from bus.broker.memory_bus import memory_bus
from bus.client import Peer
from bus.errors import RequestFailed
from schemas.backups import (
    BackupCreateRequestEvent,
    BackupInfo,
    BackupRestoreRequestEvent,
    BackupsListRequestEvent,
    BackupsPruneRequestEvent,
    BackupsVerifyRequestEvent,
    StateCheckRequestEvent,
)
from schemas.documents import DocumentChangedEvent, DocumentReadRequestEvent, DocumentWriteRequestEvent
from schemas.state import (
    StateChangedEvent,
    StateDeleteRequestEvent,
    StateLoadRequestEvent,
    StateSaveRequestEvent,
)
from tests.support.dead_mount import dead_mount
from tests.support.state_lab import TABLES, HeldKeys

pytestmark = pytest.mark.anyio
HOUR = 3600.0
NOON = 1767268800.0


class Noted:
    """An audit log in memory."""

    def __init__(self) -> None:
        self.problems: deque[str] = deque()
        self.lines: list[tuple[str, str, str, str]] = []

    def open(self) -> None:
        """All is well."""

    async def settle(self) -> None:
        await asyncio.Event().wait()

    def close(self) -> None:
        """All is well."""

    def record(self, who: str, verb: str, key: str, outcome: str) -> None:
        self.lines.append((who, verb, key, outcome))


@dataclass
class World:
    """A running store on a bus, whose clock stands still."""

    app: Peer
    store: StateStore
    desk: BackupDesk
    audit: Noted
    actor: StateStoreActor
    now: list[float]

    async def save(self, key: str, value: Any, **options: Any) -> int:
        return (await self.app.request(StateSaveRequestEvent(key=key, value=value, **options))).revision

    async def load(self, key: str) -> Any:
        return (await self.app.request(StateLoadRequestEvent(key=key))).value

    async def backups(self) -> list[BackupInfo]:
        return (await self.app.request(BackupsListRequestEvent())).backups

    def alerts(self) -> list[str]:
        return [alert.name for alert in self.actor.alerts.active()]


@contextlib.asynccontextmanager
async def running(
    root: Path,
    table: BackupsTable | None = None,
    *,
    schemata: Schemata | None = None,
    now: float = NOON,
    patience_seconds: float = 20.0,
) -> AsyncIterator[World]:
    clock = [now]
    audit = Noted()
    store = StateStore(root, Namespaces(TABLES), schemata, HeldKeys())
    documents = DocumentStore(store, kinds_of({"Marks": {"type": "object", "default": {}}}))
    vault = Vault(root / "backups", lambda: clock[0])
    desk = BackupDesk(
        store, documents, vault, {}, table or BackupsTable(), audit, lambda: clock[0], patience_seconds
    )
    actor = StateStoreActor(store, documents, audit=audit, desk=desk)
    async with memory_bus() as bus, bus.connect("state_store") as own, bus.connect("app") as app:
        loop = ActorLoop(actor, own)
        task = asyncio.ensure_future(loop.run())
        while not any("state.save" in peer.serves for peer in bus.core.statistics(0.0).peers):
            assert not task.done(), task.exception()
            await asyncio.sleep(0)
        yield World(app, store, desk, audit, actor, clock)
        loop.stop()
        await task


async def refusal(asking: Any) -> str:
    with pytest.raises(RequestFailed) as caught:
        await asking
    assert caught.value.kind == "refused"
    return caught.value.message


@pytest.mark.requirement("S3-5", "S3-6", "S3-7", "S3-28")
async def test_back_up_change_several_types_and_restore_over_the_bus(tmp_path: Path) -> None:
    async with (
        running(tmp_path) as world,
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
        listed = await world.backups()
        assert {(one.id, one.kind, one.name, one.encrypted) for one in listed} == {
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
    async with running(tmp_path) as world:
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
    async with running(tmp_path, BackupsTable(operators=["boss", "cli-*"])) as world:
        for request in (
            BackupCreateRequestEvent(),
            BackupsListRequestEvent(),
            BackupsPruneRequestEvent(),
            StateCheckRequestEvent(),
        ):
            assert "'app' may not" in await refusal(world.app.request(request))
        assert ("app", "backups.create", "", "refused") in world.audit.lines


@pytest.mark.requirement("S3-19")
async def test_by_itself_one_is_made_only_if_something_changed_and_old_ones_go(tmp_path: Path) -> None:
    table = BackupsTable(keep_last=2, keep_daily=0, keep_weekly=0, keep_monthly=0, check_hours=0)
    async with running(tmp_path, table) as world:
        await world.desk.tick()
        assert await world.backups() == [], "there is nothing to back up"
        for number in range(4):
            await world.save("notes.a", number)
            await world.desk.tick()
            await world.desk.tick()
            world.now[0] += 25 * HOUR
        assert [one.kind for one in await world.backups()] == ["scheduled"] * 2
        before = await world.backups()
        await world.desk.tick()
        assert await world.backups() == before, "nothing changed since"
        assert ("state_store", "prune", "20260101T120000Z-scheduled-s1", "ok") in world.audit.lines
        pruned = await world.app.request(BackupsPruneRequestEvent(dry_run=True))
        assert ([one.reasons for one in pruned.kept], pruned.removed) == ([["last"], ["last"]], [])


async def test_a_backup_that_fails_and_a_schedule_that_is_missed_are_alerts_until_one_is_made(
    tmp_path: Path,
) -> None:
    async with running(tmp_path, BackupsTable(check_hours=0)) as world:
        await world.save("notes.a", 1)
        (tmp_path / "notes" / "a.json").unlink()
        (tmp_path / "notes" / "a.json").mkdir()
        await world.desk.tick()
        assert world.alerts() == [FAILED]
        world.now[0] += 49 * HOUR
        await world.desk.tick()
        assert world.alerts() == [FAILED, STALE]
        (tmp_path / "notes" / "a.json").rmdir()
        await world.save("notes.a", 2)
        await world.desk.tick()
        assert world.alerts() == []
        assert len(await world.backups()) == 1


@pytest.mark.requirement("S3-8", "S3-18", "S3-29")
async def test_before_values_of_an_older_version_are_converted_everything_is_backed_up(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as world:
        await world.save("notes.a", 1)
    newer = Schemata((), {"Note": [lambda value: value]})
    async with running(tmp_path, schemata=newer) as world:
        (made,) = await world.backups()
        assert (made.kind, made.documents) == ("before_migration", 1)
    async with running(tmp_path, schemata=newer) as world:
        assert len(await world.backups()) == 1, "once"


@pytest.mark.requirement("S3-18", "S3-19")
async def test_everything_is_looked_at_while_nobody_writes_and_repaired(tmp_path: Path) -> None:
    async with running(tmp_path, BackupsTable(every_hours=24.0, check_hours=24.0)) as world:
        await world.save("notes.a", 1)
        await world.app.request(BackupCreateRequestEvent())
        world.store.checkpoint()
        (tmp_path / "notes" / "a.json").write_bytes(b"{broken")
        found = await world.app.request(StateCheckRequestEvent())
        assert (found.is_sound, [finding.kind for finding in found.findings]) == (False, ["damaged"])
        world.now[0] += 25 * HOUR
        await world.desk.tick()
        assert (tmp_path / "notes" / "a.json").read_bytes() == b"{broken", (
            "somebody wrote a moment ago, as far as is known"
        )
        world.now[0] += 61
        await world.desk.tick()
        assert UNSOUND not in world.alerts(), "it was repaired"
        assert "state_persistence.corruption_detected" in world.alerts(), "which is told"
        assert await world.load("notes.a") == 1
        (tmp_path / "notes" / "a.json").unlink()
        (tmp_path / "notes" / "a.json").mkdir()
        world.now[0] += 25 * HOUR
        await world.desk.tick()
        assert UNSOUND in world.alerts()


async def test_a_damaged_document_is_repaired_from_a_backup_when_it_is_loaded(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
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
    async with running(tmp_path, patience_seconds=0.3) as world:
        await world.save("notes.a", 1)
        with dead_mount(tmp_path / "backups"):
            assert "no answer" in await refusal(world.app.request(BackupCreateRequestEvent()))
            assert world.alerts() == [SILENT]
            await world.desk.tick()
            assert await world.save("notes.a", 2) == 2
            assert "does not answer" in await refusal(world.save("notes.a", 3, backup=True))
            assert await world.load("notes.a") == 2
        await world.desk.tick()
        assert SILENT not in world.alerts()
        assert [one.kind for one in await world.backups()] == ["scheduled"]
        assert await world.save("notes.a", 4, backup=True) == 4


async def test_a_store_starts_beside_a_dead_mount(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_layout, "PROBE_SECONDS", 0.3)
    async with running(tmp_path) as world:
        await world.save("notes.a", 1)
    with dead_mount(tmp_path / "backups"):
        async with running(tmp_path, patience_seconds=0.3) as world:
            assert await world.load("notes.a") == 1
            assert await world.save("notes.a", 2) > 1


async def test_a_start_does_not_wait_long_for_the_backup_before_a_migration_which_is_made_soon_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path) as world:
        await world.save("notes.a", 1)
    newer = Schemata((), {"Note": [lambda value: value]})
    monkeypatch.setattr(desk, "START_BACKUP_SECONDS", 0.0)
    hang = threading.Event()
    real = Vault.create

    def slow(*arguments: Any, **options: Any) -> Any:
        hang.wait()
        return real(*arguments, **options)

    monkeypatch.setattr(Vault, "create", slow)
    async with running(tmp_path, BackupsTable(check_hours=0), schemata=newer) as world:
        assert await world.load("notes.a") == 1
        assert await world.backups() == []
        monkeypatch.setattr(Vault, "create", real)
        await world.desk.tick()
        assert [one.kind for one in await world.backups()] == ["before_migration"]
        hang.set()
    async with running(tmp_path, schemata=newer) as world:
        assert len([one for one in await world.backups() if one.kind == "before_migration"]) == 1
