"""What waits together is one write; it is answered when it is durable, refused when it is not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import msgspec
import pytest

from actors.history import engine
from actors.history.disk_store import DiskStore
from actors.history.engine import HistoryEngine
from actors.history.segments.segment_keys import SegmentKeys
from actors.history.segments.segment_store import SegmentStore
from bus.errors import Refused
from bus.telemetry.alert_book import Alerts
from schemas.event import Event
from schemas.history import (
    TEXT_LIMIT_CHARACTERS,
    HistoryChangedEvent,
    HistoryExportRequestEvent,
    HistoryQueryRequestEvent,
    HistorySearchRequestEvent,
)
from schemas.operations.alerts import Alert, AlertChangedEvent
from tests.support.history_lab import RING, entry, texts

pytestmark = pytest.mark.anyio


class Opened:
    """A store at work, and what it posted."""

    def __init__(self, root: Path) -> None:
        segments = SegmentStore(root / "history", root / "anchors", SegmentKeys(RING, encrypts=True))
        segments.open()
        self.posted: list[HistoryChangedEvent] = []
        self.alerts: list[Alert] = []
        self.progress: list[float] = []
        self.engine = HistoryEngine(segments, encrypts=True)
        self.store = DiskStore(self.engine, self._post, Alerts("history", self._publish))

    def _post(self, event: Event) -> None:
        assert isinstance(event, HistoryChangedEvent)
        self.posted.append(event)

    async def _publish(self, event: Event) -> None:
        assert isinstance(event, AlertChangedEvent)
        self.alerts.append(event.alert)

    async def load(self) -> None:
        while await self.store.load_next():
            self.progress.append(self.store.status().loading)
        self.progress.append(self.store.status().loading)


@asynccontextmanager
async def at_work(root: Path) -> AsyncIterator[Opened]:
    opened = Opened(root)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(opened.load)
        tasks.start_soon(opened.store.write)
        yield opened
        await opened.store.drained()
        tasks.cancel_scope.cancel()
    await opened.store.close()


def lines_below(root: Path) -> int:
    return sum(path.read_bytes().count(b"\n") for path in (root / "history").iterdir())


@pytest.mark.requirement("S0-12")
async def test_entries_that_come_together_share_a_record_and_each_is_told(tmp_path: Path) -> None:
    async with at_work(tmp_path) as opened:
        kept = await asyncio.gather(*(opened.store.append(entry(number)) for number in range(200)))
        assert lines_below(tmp_path) < 20
        assert [one.text for one in kept] == [f"text {number}" for number in range(200)]
        assert [event.entry_id for event in opened.posted] == [one.id for one in kept]
        assert opened.store.status().entries == 200
    async with at_work(tmp_path) as opened:
        await opened.store.wait_loaded()
        assert len(texts(opened.engine)) == 200
        assert opened.progress[-1] == 1.0


async def test_one_that_is_appended_again_is_kept_and_told_once(tmp_path: Path) -> None:
    async with at_work(tmp_path) as opened:
        assert await opened.store.append(entry(1)) == await opened.store.append(entry(1))
        assert len(opened.posted) == 1


async def test_edits_removals_and_clearing_are_told_and_settle_on_disk(tmp_path: Path) -> None:
    async with at_work(tmp_path) as opened:
        store = opened.store
        for number in range(4):
            await store.append(entry(number))
        edited = await store.edit(entry(1).id, "edited", 5.0)
        assert edited is not None
        assert await store.edit("unknown", "x", 5.0) is None
        ids = [entry(2).id, "unknown", entry(2).id]
        assert (await store.remove(ids, dry_run=True), await store.remove(ids, dry_run=False)) == (1, 1)
        assert await store.clear(1000.5, dry_run=True) == 1
        assert await store.clear(1000.5, dry_run=False) == 1
        await store.settled()
        assert [event.change for event in opened.posted[4:]] == ["edited", "removed", "removed"]
        assert texts(opened.engine) == ["edited", "text 3"]
        assert await store.clear(None, dry_run=False) == 2
        assert opened.posted[-1].change == "cleared"
        assert list((tmp_path / "history").iterdir()) == []


async def test_questions_are_answered_from_memory(tmp_path: Path) -> None:
    async with at_work(tmp_path) as opened:
        for number in range(3):
            await opened.store.append(entry(number))
        assert (await opened.store.page(HistoryQueryRequestEvent(limit=2))).total == 3
        assert (await opened.store.search(HistorySearchRequestEvent(words="TEXT 1"))).complete
        assert len((await opened.store.oldest_first(HistoryExportRequestEvent(format="csv")))[0]) == 3
        assert len(await opened.store.sizes()) == 3
        assert await opened.store.conversations() == []
        assert opened.store.storage == "encrypted"
        assert opened.store.severity == "warning"
        assert await opened.store.accept_loss() == 0


async def test_while_it_loads_entries_are_taken_in_and_a_search_says_that_there_may_be_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(2):
        async with at_work(tmp_path) as opened:
            await opened.store.append(entry(number))
    monkeypatch.setattr(engine, "LOAD_STEP_BYTES", 1)
    opened = Opened(tmp_path)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(opened.store.write)
        await opened.store.append(entry(2))
        assert await opened.store.load_next()
        found = await opened.store.search(HistorySearchRequestEvent(words="text"))
        assert ([hit.entry.text for hit in found.hits], found.complete) == (["text 2", "text 0"], False)
        assert opened.store.status().loading < 1.0
        await opened.load()
        assert texts(opened.engine) == ["text 0", "text 1", "text 2"]
        tasks.cancel_scope.cancel()
    await opened.store.close()


async def test_a_search_right_after_the_start_finds_what_is_on_disk(tmp_path: Path) -> None:
    """Before the first step of loading it waits: what is there does not look empty."""
    async with at_work(tmp_path) as opened:
        await opened.store.append(entry(1))
    opened = Opened(tmp_path)
    asked = asyncio.create_task(opened.store.search(HistorySearchRequestEvent(words="text")))
    for _ in range(20):
        await asyncio.sleep(0)
    assert not asked.done()
    await opened.load()
    found = await asked
    assert ([hit.entry.text for hit in found.hits], found.complete) == (["text 1"], True)
    await opened.store.close()


async def test_changes_that_wait_together_are_written_as_lines_that_can_be_read_back(tmp_path: Path) -> None:
    """Control characters take most bytes: six as JSON, eight encrypted."""
    long = [
        msgspec.structs.replace(entry(number), text="\x01" * TEXT_LIMIT_CHARACTERS) for number in range(30)
    ]
    async with at_work(tmp_path) as opened, anyio.create_task_group() as tasks:
        for one in long:
            tasks.start_soon(opened.store.append, one)
    again = Opened(tmp_path)
    await again.load()
    assert again.engine.findings == []
    assert again.engine.index.count == 30
    await again.store.close()


async def test_what_cannot_be_saved_is_refused_told_and_over_once_something_is_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    async with at_work(tmp_path) as opened:
        with monkeypatch.context() as patch:
            patch.setattr("actors.history.segments.segment_writer.sync_data", fail)
            outcomes = await asyncio.gather(
                *(opened.store.append(entry(number)) for number in range(3)), return_exceptions=True
            )
        assert all(isinstance(outcome, Refused) and "No space left" in str(outcome) for outcome in outcomes)
        assert opened.posted == []
        await opened.store.append(entry(9))
        assert {alert.name for alert in opened.alerts} == {"history.not_saved"}
        assert not opened.alerts[-1].is_active
        assert all(alert.is_active and "No space left" in alert.message for alert in opened.alerts[:-1])
        assert len(opened.alerts) > 1
    again = Opened(tmp_path)
    for part in again.engine.loading():
        part()
    assert (texts(again.engine), again.engine.findings) == (["text 9"], [])
