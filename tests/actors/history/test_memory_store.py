"""In memory, the broker's copy of each slot is as good as the entries themselves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.history.entries.entry_ids import EntryIds
from actors.history.memory_store import MemoryStore
from schemas.event import Event
from schemas.history import (
    HistoryChangedEvent,
    HistoryEntry,
    HistoryExportRequestEvent,
    HistoryQueryRequestEvent,
)

pytestmark = pytest.mark.anyio


def entry(number: int) -> HistoryEntry:
    return HistoryEntry(
        id=EntryIds().next(1000.0 + number, 0), at=1000.0 + number, kind="dictation", text=f"text {number}"
    )


class Broker:
    """Retains the last event about each slot."""

    def __init__(self) -> None:
        self.slots: dict[str, HistoryChangedEvent] = {}

    def post(self, event: Event) -> None:
        assert isinstance(event, HistoryChangedEvent)
        self.slots[event.slot] = event

    def texts(self) -> list[str]:
        return sorted(change.entry.text for change in self.slots.values() if change.entry is not None)


async def texts(store: MemoryStore) -> list[str]:
    return sorted(one.text for one in (await store.page(HistoryQueryRequestEvent(limit=1000))).entries)


@given(st.lists(st.sampled_from(["append", "edit", "remove", "clear", "shrink", "grow"]), max_size=30))
async def test_the_brokers_copy_is_what_another_life_comes_back_with(steps: list[str]) -> None:
    broker = Broker()
    store = MemoryStore(5, broker.post)
    for number, step in enumerate(steps):
        match step:
            case "append":
                await store.append(entry(number))
            case "edit":
                await store.edit(store.newest_id(), f"edited {number}", 1.0)
            case "remove":
                await store.remove([store.newest_id()], dry_run=False)
            case "clear":
                await store.clear(1000.0 + number / 2, dry_run=False)
            case "shrink":
                store.resize(3)
            case _:
                store.resize(8)
        assert broker.texts() == await texts(store)
    again = MemoryStore(1, broker.post)
    again.restore(list(broker.slots.values()), store.status().limit_entries)
    assert await texts(again) == broker.texts()


async def test_a_dry_run_counts_and_takes_nothing() -> None:
    broker = Broker()
    store = MemoryStore(5, broker.post)
    for number in range(3):
        await store.append(entry(number))
    assert await store.remove([entry(1).id, "unknown", entry(1).id], dry_run=True) == 1
    assert await store.clear(None, dry_run=True) == 3
    assert len(broker.texts()) == 3


async def test_an_entry_that_is_appended_twice_is_kept_as_it_was_first() -> None:
    store = MemoryStore(5, Broker().post)
    first = await store.append(entry(1))
    again = await store.append(HistoryEntry(id=first.id, at=5.0, kind="answer", text="other"))
    assert again == first
    assert store.status().entries == 1


async def test_an_export_goes_on_where_its_last_part_ended() -> None:
    store = MemoryStore(10, Broker().post)
    for number in range(5):
        await store.append(entry(number))
    first, more = await store.oldest_first(HistoryExportRequestEvent(format="jsonl", limit=3))
    rest, done = await store.oldest_first(
        HistoryExportRequestEvent(format="jsonl", limit=3, after=first[-1].id)
    )
    assert [one.text for one in first + rest] == [f"text {number}" for number in range(5)]
    assert (more, done) == (True, False)
