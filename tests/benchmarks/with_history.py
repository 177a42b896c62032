"""Those who play a part in the benchmark of the history."""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
import time
from collections.abc import Coroutine
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import anyio
import msgspec

from actors.history.actor import History
from actors.history.disk_store import DiskStore
from actors.history.engine import AppendEntry, HistoryEngine
from actors.history.entries.entry_ids import EntryIds
from actors.history.segments.segment_keys import SegmentKeys
from actors.history.segments.segment_store import SegmentStore
from actors.shared.crypto.cipher import DataKey
from bus.actor import Actor
from bus.actor_loop import ActorLoop
from bus.client import connect
from bus.discovery import Runtime
from bus.errors import RequestFailed
from bus.telemetry.alert_book import Alerts
from schemas.event import Event, Request
from schemas.history import HistoryAppendRequestEvent, HistoryEntry, HistorySearchRequestEvent

WARM_UP = 50
WORDS = 12
VOCABULARY = 30_000
RECORD_ENTRIES = 200


class EmptyEvent(Event, frozen=True, kw_only=True, tag="app.emptied"):
    """Nothing."""


class EmptyRequestEvent(Request[EmptyEvent], frozen=True, kw_only=True, tag="app.empty"):
    """Ask for nothing."""


class Empty(Actor[EmptyRequestEvent]):
    """Answers with nothing."""

    async def handle(self, event: EmptyRequestEvent) -> EmptyEvent:
        return EmptyEvent()


class Ring:
    """One key."""

    key = DataKey("benchmark", bytes(32))

    def current(self) -> DataKey:
        return self.key

    def data_key(self, key_id: str) -> DataKey:
        return self.key


def _run(work: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        runner.run(work)


def serve(pipe: Connection, runtime: Runtime, name: str) -> None:
    """Be the history in memory, or who answers with nothing."""

    async def run() -> None:
        actor: type[Actor[Any]] = History if name == "history" else Empty
        async with connect(name, runtime=runtime) as peer:
            await ActorLoop(actor, peer).run()

    _run(run())


def ask(pipe: Connection, runtime: Runtime, name: str, count: int) -> None:
    """Ask one after the other; nanoseconds of each."""

    async def run() -> None:
        request: Request[Any] = (
            HistoryAppendRequestEvent(text=" ".join(["word"] * WORDS))
            if name == "history"
            else EmptyRequestEvent()
        )
        async with connect("asker", runtime=runtime) as peer:
            while True:
                try:
                    await peer.request(request)
                    break
                except RequestFailed as failed:
                    if failed.kind != "no_responder":
                        raise
                    await asyncio.sleep(0.01)
            found = []
            for _ in range(count + WARM_UP):
                began = time.perf_counter_ns()
                await peer.request(request)
                found.append(time.perf_counter_ns() - began)
            pipe.send(found[WARM_UP:])

    _run(run())


def entries(count: int) -> list[HistoryEntry]:
    """Entries of twelve words, of which few are frequent and many are rare."""
    dice, entry_ids = random.Random(1), EntryIds()
    words = [
        "".join(dice.choices("abcdefghijklmnopqrstuvwxyz", k=dice.randint(2, 10))) for _ in range(VOCABULARY)
    ]
    weights = [1 / (rank + 1) for rank in range(VOCABULARY)]
    texts = [" ".join(dice.choices(words, weights, k=WORDS)) for _ in range(min(count, 20_000))]
    return [
        HistoryEntry(
            id=entry_ids.next(1.7e9 + number, number),
            at=1.7e9 + number,
            kind="dictation",
            text=texts[number * 7919 % len(texts)],
            language="en",
        )
        for number in range(count)
    ]


def engine_of(directory: Path) -> HistoryEngine:
    """An encrypted history, opened and not loaded."""
    segments = SegmentStore(directory / "history", directory / "anchors", SegmentKeys(Ring(), encrypts=True))
    segments.open()
    return HistoryEngine(segments, encrypts=True)


def write_many(directory: Path, count: int) -> None:
    """An encrypted history of so many entries."""
    segments = SegmentStore(directory / "history", directory / "anchors", SegmentKeys(Ring(), encrypts=True))
    segments.open()
    found = entries(count)
    for start in range(0, count, RECORD_ENTRIES):
        segments.append(msgspec.json.encode({"put": found[start : start + RECORD_ENTRIES]}))
    segments.close()


def load(directory: Path) -> tuple[float, HistoryEngine]:
    """Seconds until all entries can be searched."""
    began = time.perf_counter()
    found = engine_of(directory)
    for step in found.loading():
        step()
    return time.perf_counter() - began, found


def search(found: HistoryEngine, count: int) -> list[int]:
    """Searches for frequent words, rare ones, and beginnings of one to four letters; nanoseconds of each."""
    dice = random.Random(2)
    words = [word for entry in entries(2_000) for word in entry.text.split()]
    nanoseconds = []
    for number in range(count):
        word = dice.choice(words)
        wanted = word if number % 2 else word[: dice.randint(1, 4)]
        began = time.perf_counter_ns()
        found.index.search(HistorySearchRequestEvent(words=wanted), complete=True)
        nanoseconds.append(time.perf_counter_ns() - began)
    return nanoseconds


def append_durably(directory: Path, count: int) -> list[int]:
    """Entries, each durable and encrypted before the next; nanoseconds of each."""
    store, nanoseconds = engine_of(directory), []
    for step in store.loading():
        step()
    for entry in entries(count + WARM_UP):
        began = time.perf_counter_ns()
        store.commit([AppendEntry(entry)])
        nanoseconds.append(time.perf_counter_ns() - began)
    store.close()
    return nanoseconds[WARM_UP:]


def insert_durably(directory: Path, count: int) -> list[int]:
    """The same entries into SQLite, not encrypted, write-ahead log, synchronous=FULL; nanoseconds of each."""
    database = sqlite3.connect(directory / "history.sqlite", isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute("CREATE TABLE entries (id TEXT PRIMARY KEY, at REAL, body TEXT)")
    nanoseconds = []
    for entry in entries(count + WARM_UP):
        began = time.perf_counter_ns()
        database.execute(
            "INSERT INTO entries VALUES (?, ?, ?)", (entry.id, entry.at, msgspec.json.encode(entry).decode())
        )
        nanoseconds.append(time.perf_counter_ns() - began)
    database.close()
    return nanoseconds[WARM_UP:]


def append_together(directory: Path, count: int, at_once: int) -> float:
    """Appends a second, of so many clients that each wait for their answer; `at_once` is 1 for one by one."""
    seconds = 0.0

    async def run() -> None:
        nonlocal seconds
        store = DiskStore(engine_of(directory), lambda event: None, Alerts("history", _publish_nothing))
        found = iter(entries(count))

        async def client() -> None:
            for entry in found:
                await store.append(entry)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_load, store)
            tasks.start_soon(store.write)
            await store.wait_loaded()
            began = time.perf_counter()
            await asyncio.gather(*(client() for _ in range(at_once)))
            seconds = time.perf_counter() - began
            tasks.cancel_scope.cancel()
        await store.close()

    _run(run())
    return count / seconds


async def _load(store: DiskStore) -> None:
    while await store.load_next():
        pass


async def _publish_nothing(event: Event) -> None:
    return None


def fresh(directory: Path) -> Path:
    """A directory of its own."""
    path = directory / os.urandom(4).hex()
    path.mkdir()
    return path
