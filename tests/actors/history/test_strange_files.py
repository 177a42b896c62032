"""Whatever lies in the place of a file or directory of a history, it costs at most itself."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from actors import history
from actors.shared.sdk.running_actor import RunningActor, run_actor
from bus.broker.memory_bus import memory_bus
from bus.client import Peer
from bus.errors import RequestFailed
from schemas.config import SettingsChangedEvent
from schemas.history import (
    ConversationsRequestEvent,
    HistoryAppendRequestEvent,
    HistoryClearRequestEvent,
    HistoryDeleteRequestEvent,
    HistoryExportRequestEvent,
    HistoryKeepRequestEvent,
    HistoryQueryRequestEvent,
    HistorySearchRequestEvent,
    HistoryStatusEvent,
    HistoryStatusRequestEvent,
)
from tests.support.strange_files import (
    DIRECTORY_MUTATIONS,
    FILE_MUTATIONS,
    Mutation,
    bounded_memory,
    copy_of,
    directories_below,
    files_below,
)
from tests.support.unsynced import unsynced

pytestmark = pytest.mark.anyio
GUARD_SECONDS = 60.0
FIRST, SECOND = ["one", "two"], ["three", "four"]
"""Texts of the closed segment, and of the one that was open when the process ended."""


@pytest.fixture(autouse=True)
def own_keychain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("UNDERCROFT_KEYCHAIN", f"file:{tmp_path / 'chain'}")
    with unsynced():
        yield


def changed(**found: Any) -> SettingsChangedEvent:
    return SettingsChangedEvent(changed={}, settings={"history": found}, revision=1, reason="start")


@contextlib.asynccontextmanager
async def untold(home: Path, *told: SettingsChangedEvent) -> AsyncIterator[tuple[RunningActor[Any], Peer]]:
    """The history as its `build` makes it, and a stand-in for the config store that published these."""
    async with asyncio.timeout(GUARD_SECONDS), memory_bus() as bus, bus.connect("config_store") as store:
        for event in told:
            await store.publish(event)
        async with run_actor(history.build, home, name="history", bus=bus) as running:
            yield running, store


@contextlib.asynccontextmanager
async def living(home: Path, **found: Any) -> AsyncIterator[RunningActor[Any]]:
    """The history after it heard these settings."""
    async with untold(home, changed(**found)) as (running, _):
        yield running


async def texts(running: RunningActor[Any]) -> list[str]:
    page = await running.request(HistoryQueryRequestEvent(limit=1000), GUARD_SECONDS)
    return [entry.text for entry in reversed(page.entries)]


async def serves(running: RunningActor[Any]) -> HistoryStatusEvent:
    """Every request is answered."""
    added = await running.request(HistoryAppendRequestEvent(text="served", conversation_id="c"))
    await running.request(HistorySearchRequestEvent(words="served"))
    await running.request(ConversationsRequestEvent())
    for kind in ("markdown", "csv", "jsonl"):
        await running.request(HistoryExportRequestEvent(format=kind))
    assert (await running.request(HistoryDeleteRequestEvent(ids=[added.entry.id]))).count == 1
    return await running.request(HistoryStatusRequestEvent())


async def home_with_history(home: Path, **options: Any) -> Path:
    for part in (FIRST, SECOND):
        async with living(home, **options) as running:
            for text in part:
                await running.request(HistoryAppendRequestEvent(text=text, conversation_id="talk"))
    return home


async def expect_the_rest(home: Path, place: Path, mode: dict[str, Any]) -> None:
    """Two lives serve, with all that does not lie in this place; where it is kept instead is told."""
    expected = [*([] if "000001" in place.name else FIRST), *([] if "000002" in place.name else SECOND)]
    for _ in range(2):
        async with living(home, **{"persistence_mode": "disk", **mode}) as running:
            status = await serves(running)
            if status.storage != "memory":
                found = await texts(running)
                assert not {*expected} - {*found} or place.is_dir() or place.name == "history", found
            elif mode.get("persistence_mode") != "memory":
                assert "the history is kept in memory and not on disk: " in status.notice
                assert "Error" not in status.notice
                assert place.parent.name in ("keys", "state") or place.name == "history", (
                    "it costs more than itself"
                )


FEW = ("a list", "huge and sparse", "a directory", "a fifo", "a link to itself", "a file")


def cases(whole: Path, keep: Callable[[Path], bool]) -> list[tuple[Path, Mutation]]:
    return [
        *((path, one) for path in files_below(whole / "state") if keep(path) for one in FILE_MUTATIONS),
        *(
            (path, one)
            for path in directories_below(whole / "state")
            if keep(path)
            for one in DIRECTORY_MUTATIONS
        ),
    ]


async def spoil(
    tmp_path: Path, mode: dict[str, Any], keep: Callable[[Path], bool], few: tuple[str, ...] = ()
) -> None:
    whole = await home_with_history(tmp_path / "whole", **{**mode, "persistence_mode": "disk"})
    found = cases(whole, keep)
    assert len(found) > 5
    for number, (path, mutation) in enumerate(found):
        if (few and mutation.name not in few) or (mutation.name == "unreadable" and os.geteuid() == 0):
            continue
        home = copy_of(whole, tmp_path / str(number))
        place = home / path.relative_to(whole)
        trace = mutation.leave(place)
        try:
            with bounded_memory():
                await expect_the_rest(home, place, mode)
            assert trace.is_kept(home)
        except BaseException as error:
            error.add_note(f"{mutation.name} in the place of {place.relative_to(home)}")
            raise


@pytest.mark.requirement("S0-4", "S0-12")
@pytest.mark.parametrize("mode", [{}, {"encrypt_at_rest": False}], ids=["encrypted", "plain"])
async def test_whatever_lies_in_the_place_of_an_anchor_costs_only_the_anchor(
    tmp_path: Path, mode: dict[str, Any]
) -> None:
    await spoil(tmp_path, mode, lambda path: "anchors" in path.parts[-2:], FEW)


@pytest.mark.slow
@pytest.mark.requirement("S0-4", "S0-12")
@pytest.mark.parametrize(
    "mode",
    [{}, {"encrypt_at_rest": False}, {"persistence_mode": "memory"}],
    ids=["encrypted", "plain", "memory"],
)
async def test_whatever_lies_in_the_place_of_a_file_or_directory_the_history_serves(
    tmp_path: Path, mode: dict[str, Any]
) -> None:
    await spoil(tmp_path, mode, lambda path: path.parent.name != "keys")


@pytest.mark.requirement("S0-12")
async def test_a_history_with_files_answers_once_it_knows_its_settings(tmp_path: Path) -> None:
    """It may be ready before anybody published settings: what is on disk must not look empty meanwhile."""
    home = await home_with_history(tmp_path / "home", persistence_mode="disk")
    async with untold(home) as (running, store):
        asked = [
            asyncio.create_task(running.request(request, GUARD_SECONDS))
            for request in (
                HistoryQueryRequestEvent(),
                HistorySearchRequestEvent(words="one"),
                HistoryAppendRequestEvent(text="five"),
                HistoryStatusRequestEvent(),
            )
        ]
        await store.publish(changed(persistence_mode="disk"))
        page, found, added, status = await asyncio.gather(*asked)
        assert [entry.text for entry in reversed(page.entries)][:4] == FIRST + SECOND
        assert ([hit.entry.text for hit in found.hits], found.complete) == (["one"], True)
        assert (added.storage, status.storage) == ("encrypted", "encrypted")


async def test_a_history_with_files_stays_in_memory_if_the_settings_say_so(tmp_path: Path) -> None:
    home = await home_with_history(tmp_path / "home", persistence_mode="disk")
    async with untold(home) as (running, store):
        asked = asyncio.create_task(running.request(HistoryStatusRequestEvent(), GUARD_SECONDS))
        await store.publish(changed())
        status = await asked
        assert (status.storage, status.left_on_disk_bytes > 0) == ("memory", True)


async def test_what_cannot_be_kept_or_purged_is_an_answer(tmp_path: Path) -> None:
    home = await home_with_history(tmp_path / "home", persistence_mode="disk")
    async with living(home) as running:
        shutil.rmtree(home / "state" / "anchors")
        (home / "state" / "anchors").write_text("of a stranger")
        with pytest.raises(RequestFailed, match="cannot be changed: "):
            await running.request(HistoryKeepRequestEvent())
        assert (await running.request(HistoryClearRequestEvent(purge=True))).note == "2 files were deleted"
        await serves(running)
