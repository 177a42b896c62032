"""Entries move between memory and disk as the settings say; none is lost, none is in plain by default."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from actors.history.actor import History
from actors.history.history_home import HistoryHome
from actors.history.storage_mode import PLAINTEXT_NOTICE
from actors.shared.keys.key_ring import open_ring
from bus.actor_loop import ActorLoop
from bus.broker.memory_bus import MemoryBus, memory_bus
from bus.client import Peer
from schemas.config import SettingsChangedEvent
from schemas.event import Event
from schemas.history import (
    HistoryAppendRequestEvent,
    HistoryChangedEvent,
    HistoryClearRequestEvent,
    HistoryDeleteRequestEvent,
    HistoryEditRequestEvent,
    HistoryKeepRequestEvent,
    HistoryPruneRequestEvent,
    HistoryQueryRequestEvent,
    HistoryStatusEvent,
    HistoryStatusRequestEvent,
    HistoryStorageChangedEvent,
)
from schemas.operations.alerts import AlertChangedEvent
from tests.support.history_lab import bytes_below

pytestmark = pytest.mark.anyio
GUARD_SECONDS = 20.0


@asynccontextmanager
async def living(bus: MemoryBus, root: Path, now: Callable[[], float] = time.time) -> AsyncIterator[None]:
    """The history of a home, until it is stopped properly."""
    ring = open_ring(root / "state", environ={"UNDERCROFT_KEYCHAIN": f"file:{root / 'chain'}"})
    loops: list[ActorLoop[Any]] = []

    async def live() -> None:
        async with bus.connect("history") as own:
            loops.append(
                ActorLoop(lambda context: History(context, HistoryHome(root / "state", ring), now), own)
            )
            await loops[0].run()

    task = asyncio.create_task(live())
    async with asyncio.timeout(GUARD_SECONDS):
        while not any("history.append" in peer.serves for peer in bus.core.statistics(0.0).peers):
            assert not task.done(), task.exception()
            await asyncio.sleep(0)
    try:
        yield
    finally:
        loops[0].stop()
        async with asyncio.timeout(GUARD_SECONDS):
            await task


def settings(**history: Any) -> SettingsChangedEvent:
    return SettingsChangedEvent(changed={}, settings={"history": history}, revision=1, reason="update")


async def status_once(app: Peer, is_so: Callable[[HistoryStatusEvent], bool]) -> HistoryStatusEvent:
    async with asyncio.timeout(GUARD_SECONDS):
        while not is_so(found := await app.request(HistoryStatusRequestEvent())):
            await asyncio.sleep(0)
    return found


async def stored(app: Peer, storage: str) -> HistoryStatusEvent:
    return await status_once(app, lambda found: found.storage == storage)


async def texts(app: Peer) -> list[str]:
    return [
        entry.text for entry in reversed((await app.request(HistoryQueryRequestEvent(limit=1000))).entries)
    ]


async def add(app: Peer, *found: str) -> list[str]:
    return [(await app.request(HistoryAppendRequestEvent(text=text))).entry.id for text in found]


async def retained(app: Peer, kind: type[Event]) -> list[Any]:
    async with app.subscribe(kind) as events:
        pass
    return [event async for event in events if isinstance(event, kind)]


@pytest.mark.requirement("S0-11", "S0-12", "S0-20")
async def test_memory_leaves_nothing_on_disk_and_an_opt_in_takes_what_is_in_memory_along(
    tmp_path: Path,
) -> None:
    async with memory_bus() as bus, bus.connect("app") as app, living(bus, tmp_path):
        await add(app, "one", "two")
        assert list(tmp_path.iterdir()) == []
        await app.publish(settings(persistence_mode="disk"))
        await stored(app, "encrypted")
        await add(app, "three")
        assert await texts(app) == ["one", "two", "three"]
        assert [
            event
            for event in await retained(app, HistoryChangedEvent)
            if event.slot != "live" and event.entry is not None
        ] == []
        assert b"two" not in bytes_below(tmp_path)


@pytest.mark.requirement("S0-12")
async def test_entries_on_disk_outlive_the_runtime(tmp_path: Path) -> None:
    for start in range(3):
        async with memory_bus() as bus, bus.connect("app") as app:
            await app.publish(settings(persistence_mode="disk"))
            async with living(bus, tmp_path):
                assert await texts(app) == [f"start {number}" for number in range(start)]
                answer = await app.request(HistoryAppendRequestEvent(text=f"start {start}"))
                assert answer.storage == "encrypted"


@pytest.mark.requirement("S0-12", "S0-20")
async def test_back_in_memory_what_is_on_disk_stays_until_it_is_purged_or_kept(tmp_path: Path) -> None:
    async with memory_bus() as bus, bus.connect("app") as app:
        await app.publish(settings(persistence_mode="disk", max_entries=10))
        async with living(bus, tmp_path):
            await add(app, *(f"text {number}" for number in range(15)))
            await app.publish(settings(persistence_mode="memory", max_entries=10))
            found = await status_once(app, lambda one: one.storage == "memory" and one.left_on_disk_bytes > 0)
            assert "undercroft history purge" in found.notice
            assert await texts(app) == [f"text {number}" for number in range(5, 15)]
            before = bytes_below(tmp_path / "state" / "history")
            await add(app, "only in memory")
            assert bytes_below(tmp_path / "state" / "history") == before
            kept = await app.request(HistoryKeepRequestEvent())
            assert (kept.notice, kept.left_on_disk_bytes > 0) == ("", True)
            await app.publish(settings(persistence_mode="disk", max_entries=10))
            await stored(app, "encrypted")
            assert await texts(app) == [*(f"text {number}" for number in range(15)), "only in memory"]
            await app.publish(settings(persistence_mode="memory", max_entries=10))
            assert (
                await status_once(app, lambda one: one.storage == "memory" and bool(one.notice))
            ).left_on_disk_bytes > 0
            gone = await app.request(HistoryClearRequestEvent(purge=True, purge_backups=True))
            assert "there are no backups of the history" in gone.note
            assert list((tmp_path / "state" / "history").iterdir()) == []
            assert (await app.request(HistoryStatusRequestEvent())).left_on_disk_bytes == 0
            assert await texts(app) == []


@pytest.mark.requirement("S0-12", "S0-20")
async def test_without_the_keychain_it_stays_in_memory_says_so_and_goes_to_disk_when_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.history.actor.UNLOCK_RETRY_SECONDS", 0.01)
    async with memory_bus() as bus, bus.connect("app") as app:
        await app.publish(settings(persistence_mode="disk"))
        async with living(bus, tmp_path):
            await add(app, "before")
        shutil.move(tmp_path / "chain", tmp_path / "away")
        async with living(bus, tmp_path):
            found = await app.request(HistoryStatusRequestEvent())
            assert (found.mode, found.storage) == ("disk", "memory")
            assert "entry_missing" in found.notice
            alerts = {event.alert.name: event.alert for event in await retained(app, AlertChangedEvent)}
            assert alerts["history.locked"].is_active
            assert (await app.request(HistoryAppendRequestEvent(text="meanwhile"))).storage == "memory"
            assert b"meanwhile" not in bytes_below(tmp_path)
            shutil.move(tmp_path / "away", tmp_path / "chain")
            await stored(app, "encrypted")
            assert await texts(app) == ["before", "meanwhile"]
            alerts = {event.alert.name: event.alert for event in await retained(app, AlertChangedEvent)}
            assert not alerts["history.locked"].is_active


@pytest.mark.requirement("S0-12", "S0-13")
async def test_plain_text_is_by_explicit_setting_with_a_notice_and_encrypted_when_that_is_taken_back(
    tmp_path: Path,
) -> None:
    async with memory_bus() as bus, bus.connect("app") as app:
        await app.publish(settings(persistence_mode="disk", encrypt_at_rest=False))
        async with living(bus, tmp_path):
            await add(app, "readable")
            assert b"readable" in bytes_below(tmp_path)
        async with living(bus, tmp_path):
            announced = (await retained(app, HistoryStorageChangedEvent))[-1]  # while loading, more may come
            assert (announced.status.storage, announced.status.notice) == ("plaintext", PLAINTEXT_NOTICE)
            await app.publish(settings(persistence_mode="disk"))
            found = await stored(app, "encrypted")
            assert found.notice == ""
            assert await texts(app) == ["readable"]
        async with living(bus, tmp_path):
            assert await texts(app) == ["readable"]
    assert b"readable" not in bytes_below(tmp_path)


async def test_changes_on_disk_are_carried_out_and_noted_without_what_they_said(tmp_path: Path) -> None:
    async with memory_bus() as bus, bus.connect("app") as app:
        await app.publish(settings(persistence_mode="disk"))
        async with living(bus, tmp_path):
            ids = await add(app, *(f"secret {number}" for number in range(6)))
            await app.request(HistoryEditRequestEvent(id=ids[0], text="edited"))
            await app.request(HistoryDeleteRequestEvent(ids=[ids[1]]))
            assert (await app.request(HistoryPruneRequestEvent(keep_entries=2, dry_run=True))).count == 3
            assert (await app.request(HistoryPruneRequestEvent(keep_entries=2))).count == 3
            assert (await app.request(HistoryPruneRequestEvent())).note
            assert await texts(app) == ["secret 4", "secret 5"]
            assert (await app.request(HistoryClearRequestEvent())).count == 2
    noted = bytes_below(tmp_path / "state" / "history-audit")
    assert [word in noted for word in (b'"edit"', b'"delete"', b'"prune"', b'"clear"')] == [True] * 4
    assert b"secret" not in noted


async def test_what_was_deleted_is_gone_from_disk_when_the_history_was_stopped_in_good_order(
    tmp_path: Path,
) -> None:
    """Each start begins a segment, so that there are several to rewrite."""
    ids: list[str] = []
    for start in range(5):
        async with memory_bus() as bus, bus.connect("app") as app:
            await app.publish(settings(persistence_mode="disk", encrypt_at_rest=False))
            async with living(bus, tmp_path):
                await stored(app, "plaintext")
                ids += await add(app, f"secret {start}")
                await texts(app)
                if start == 4:
                    await app.request(HistoryDeleteRequestEvent(ids=ids))
    assert b"secret" not in bytes_below(tmp_path / "state" / "history")


async def test_retention_is_followed_by_itself_once_it_is_set(tmp_path: Path) -> None:
    async with memory_bus() as bus, bus.connect("app") as app:
        await app.publish(settings(persistence_mode="disk"))
        async with living(bus, tmp_path):
            await add(app, *(f"text {number}" for number in range(5)))
            await app.publish(settings(persistence_mode="disk", keep_entries=2))
            await status_once(app, lambda one: one.entries == 2)
            assert await texts(app) == ["text 3", "text 4"]


async def test_damage_is_an_alert_that_says_which_file(tmp_path: Path) -> None:
    async with memory_bus() as bus, bus.connect("app") as app:
        await app.publish(settings(persistence_mode="disk"))
        async with living(bus, tmp_path):
            await add(app, "text")
        (segment,) = (tmp_path / "state" / "history").iterdir()
        segment.unlink()
        async with living(bus, tmp_path):
            found = await app.request(HistoryStatusRequestEvent())
            assert found.findings[0].startswith(f"{segment.name}: missing")
            await status_once(app, lambda one: one.loading == 1.0)
            async with asyncio.timeout(GUARD_SECONDS):
                while not any(event.alert.is_active for event in await retained(app, AlertChangedEvent)):
                    pass
            assert (await app.request(HistoryKeepRequestEvent())).findings == []


async def test_entries_that_come_while_it_moves_are_kept(tmp_path: Path) -> None:
    kept: list[str] = []

    async def dictate(app: Peer) -> None:
        while True:
            kept.extend(await add(app, f"text {len(kept)}"))

    async with memory_bus() as bus, bus.connect("app") as app, living(bus, tmp_path):
        tasks = [asyncio.create_task(dictate(app)) for _ in range(3)]
        for mode, storage in (("disk", "encrypted"), ("memory", "memory"), ("disk", "encrypted")):
            await app.publish(settings(persistence_mode=mode, max_entries=10_000))
            await stored(app, storage)
            seen = len(kept)
            while len(kept) < seen + 30:
                await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        found, before = set[str](), ""
        while page := (await app.request(HistoryQueryRequestEvent(limit=1000, before=before))).entries:
            found |= {entry.id for entry in page}
            before = page[-1].id
        assert set(kept) <= found, f"{len(kept)} kept"


async def test_ids_go_on_behind_what_was_loaded_although_the_clock_was_set_back(tmp_path: Path) -> None:
    async with memory_bus() as bus, bus.connect("app") as app:
        await app.publish(settings(persistence_mode="disk"))
        async with living(bus, tmp_path):
            (first,) = await add(app, "first")
        async with living(bus, tmp_path, lambda: 1_000_000.0):
            await status_once(app, lambda one: one.loading == 1.0)
            await texts(app)
            (second,) = await add(app, "second")
            assert second > first
