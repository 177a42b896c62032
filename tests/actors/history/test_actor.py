"""Over a bus, entries are kept, found, changed and announced, and back after a crash."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from actors.history.actor import History
from actors.history.entries.entry_ids import EntryIds
from actors.history.storage_mode import max_entries
from bus.actor_loop import ActorLoop
from bus.broker.memory_bus import MemoryBus, memory_bus
from bus.client import Peer
from bus.errors import RequestFailed
from schemas.config import SettingsChangedEvent
from schemas.history import (
    ConversationsRequestEvent,
    Highlight,
    HistoryAppendRequestEvent,
    HistoryChangedEvent,
    HistoryClearRequestEvent,
    HistoryDeleteRequestEvent,
    HistoryEditRequestEvent,
    HistoryExportRequestEvent,
    HistoryQueryRequestEvent,
    HistorySearchRequestEvent,
    HistoryStatusRequestEvent,
)

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def living(bus: MemoryBus) -> AsyncIterator[asyncio.Task[None]]:
    """The history, once it serves; it may be cancelled as a crash would end it."""

    async def live() -> None:
        async with bus.connect("history") as own:
            await ActorLoop(History, own).run()

    task = asyncio.create_task(live())
    while not any("history.append" in peer.serves for peer in bus.core.statistics(0.0).peers):
        await asyncio.sleep(0)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def app() -> AsyncIterator[Peer]:
    """A peer that talks to a running history."""
    async with memory_bus() as bus, bus.connect("app") as app, living(bus):
        yield app


async def texts(app: Peer) -> list[str]:
    return [entry.text for entry in (await app.request(HistoryQueryRequestEvent(limit=1000))).entries]


def settings(limit: int, revision: int = 1) -> SettingsChangedEvent:
    return SettingsChangedEvent(
        changed={}, settings={"history": {"max_entries": limit}}, revision=revision, reason="update"
    )


@pytest.mark.requirement("S0-11")
async def test_what_was_appended_is_found_and_told(app: Peer) -> None:
    async with app.subscribe(HistoryChangedEvent) as changes:
        answer = await app.request(
            HistoryAppendRequestEvent(text="hello there", kind="dictation", fields={"window": "mail"})
        )
        change = await anext(changes)
    assert isinstance(change, HistoryChangedEvent)
    assert (change.change, change.entry) == ("added", answer.entry)
    assert answer.storage == "memory"
    (hit,) = (await app.request(HistorySearchRequestEvent(words="HELLO"))).hits
    assert (hit.entry.fields, hit.highlights) == ({"window": "mail"}, [Highlight(start=0, end=5)])


async def test_an_entry_with_an_id_of_the_askers_own_is_added_once(app: Peer) -> None:
    entry_id = EntryIds().next(5.0, 0)
    for _ in range(2):
        await app.request(HistoryAppendRequestEvent(text="once", id=entry_id))
    assert await texts(app) == ["once"]
    with pytest.raises(RequestFailed, match="expected a UUID of version 7"):
        await app.request(HistoryAppendRequestEvent(text="x", id="7"))


async def test_entries_are_edited_deleted_and_cleared(app: Peer) -> None:
    ids = [
        (await app.request(HistoryAppendRequestEvent(text=f"text {number}"))).entry.id for number in range(4)
    ]
    assert (await app.request(HistoryEditRequestEvent(id=ids[1], text="edited"))).entry.edited_at is not None
    assert (await app.request(HistoryDeleteRequestEvent(ids=[ids[2]], dry_run=True))).count == 1
    assert (await app.request(HistoryDeleteRequestEvent(ids=[ids[2]]))).count == 1
    assert await texts(app) == ["text 3", "edited", "text 0"]
    assert (await app.request(HistoryClearRequestEvent())).count == 3
    assert await texts(app) == []
    with pytest.raises(RequestFailed, match="there is no entry"):
        await app.request(HistoryEditRequestEvent(id=ids[1], text="again"))


@pytest.mark.requirement("S0-11")
async def test_the_ring_is_resized_live() -> None:
    async with memory_bus() as bus, bus.connect("app") as app, living(bus):
        for number in range(20):
            await app.request(HistoryAppendRequestEvent(text=f"text {number}"))
        await app.publish(settings(12))
        while (await app.request(HistoryStatusRequestEvent())).limit_entries != 12:
            pass
        assert await texts(app) == [f"text {number}" for number in range(19, 7, -1)]


async def test_a_crash_of_the_actor_loses_nothing() -> None:
    async with memory_bus() as bus, bus.connect("app") as app:
        await app.publish(settings(10))
        async with living(bus):
            acknowledged = [
                (await app.request(HistoryAppendRequestEvent(text=f"text {number}"))).entry
                for number in range(15)
            ]
            await app.request(HistoryDeleteRequestEvent(ids=[acknowledged[8].id]))
        async with living(bus):
            assert await texts(app) == [f"text {number}" for number in range(14, 4, -1) if number != 8]
            later = await app.request(HistoryAppendRequestEvent(text="later"))
            assert later.entry.id > acknowledged[-1].id


async def test_an_export_has_a_head_once(app: Peer) -> None:
    for number in range(3):
        await app.request(HistoryAppendRequestEvent(text=f"text {number}"))
    first = await app.request(HistoryExportRequestEvent(format="markdown", limit=2))
    second = await app.request(HistoryExportRequestEvent(format="markdown", limit=2, after=first.next_after))
    assert (first.content + second.content).count("# History\n") == 1
    assert [line for line in (first.content + second.content).splitlines() if line.startswith(">")] == [
        "> text 0",
        "> text 1",
        "> text 2",
    ]
    assert second.next_after == ""


@pytest.mark.requirement("S3-16")
async def test_conversations_have_totals(app: Peer) -> None:
    for number, name in enumerate(["a", "b", "a", ""]):
        await app.request(
            HistoryAppendRequestEvent(
                text="x", conversation_id=name, tokens=number + 1, role="user", at=100.0 + number
            )
        )
    found = await app.request(ConversationsRequestEvent())
    assert [(one.conversation_id, one.entries, one.tokens) for one in found.conversations] == [
        ("a", 2, 4),
        ("b", 1, 2),
    ]
    assert (found.total_count, found.total_tokens, found.last_updated) == (2, 6, 102.0)


@pytest.mark.parametrize(
    ("found", "limit"),
    [
        ({}, 100),
        ({"history": {"max_entries": 5}}, 10),
        ({"history": {"max_entries": 99_999}}, 10_000),
        ({"history": {"max_entries": "x"}}, 100),
    ],
)
def test_the_limit_stays_within_its_range(found: dict[str, object], limit: int) -> None:
    assert max_entries(found) == limit
