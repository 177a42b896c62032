"""Durable writes of small values, one by one and by 64 clients at once; the start on 10,000 keys."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import anyio
import msgspec

from actors.shared.crypto.envelope import seal
from actors.shared.durable.durable_write import replace_file
from actors.state_store.committer import Committer
from actors.state_store.engine.operations import Save
from actors.state_store.engine.store import StateStore
from actors.state_store.errors import StateError
from tests.benchmarks.measure import Benchmark, Contestant, Sample, Target, latencies, main

CLIENTS = 64
KEYS = 1000
STORED_KEYS = 10_000
VALUE = {"theme": "dark", "words": "w" * 200, "list": list(range(20))}

Write = Callable[[str, object], None]


def _one_by_one(write: Write, count: int) -> Sample:
    """Each write durable before the next begins."""
    found = []
    for number in range(count):
        began = time.perf_counter_ns()
        write(f"k{number % KEYS}", {**VALUE, "n": number})
        found.append(time.perf_counter_ns() - began)
    return {"p50_us": latencies(found)["p50_us"]}


def _at_once(write: Write, count: int) -> Sample:
    """The same from 64 threads."""
    with ThreadPoolExecutor(CLIENTS) as clients:
        began = time.perf_counter()
        list(clients.map(lambda number: write(f"k{number % KEYS}", {**VALUE, "n": number}), range(count)))
        return {"writes_per_second": count / (time.perf_counter() - began)}


def undercroft(count: int) -> Sample:
    """The state store as its actor uses it."""
    with tempfile.TemporaryDirectory() as directory:
        store = StateStore(Path(directory)).start()

        def write(key: str, value: object) -> None:
            (outcome,) = store.commit([[Save(f"config.{key}", value)]])
            assert not isinstance(outcome, StateError)

        async def write_at_once() -> float:
            committer = Committer(store)
            numbers = iter(range(count))

            async def client() -> None:
                for number in numbers:
                    await committer.submit([Save(f"config.k{number % KEYS}", {**VALUE, "n": number})])

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(committer.run)
                tasks.start_soon(committer.run_checkpoints)
                began = time.perf_counter()
                async with anyio.create_task_group() as clients:
                    for _ in range(CLIENTS):
                        clients.start_soon(client)
                took = time.perf_counter() - began
                tasks.cancel_scope.cancel()
            return count / took

        found = {**_one_by_one(write, count), "writes_per_second": asyncio.run(write_at_once())}
        store.close()
    return {**found, "start_ms": _start_ms()}


def _start_ms() -> float:
    """From nothing to serving, with many keys on disk; the best of some, as an app's files are warm."""
    with tempfile.TemporaryDirectory() as directory:
        StateStore(Path(directory)).start().close()
        for number in range(STORED_KEYS):
            content = seal(
                VALUE, schema="", schema_version=1, revision=number + 1, now=0.0, name=f"config.key-{number}"
            )
            (Path(directory) / "config" / f"key-{number}.json").write_bytes(content)
        took = []
        for _ in range(3):
            began = time.perf_counter()
            store = StateStore(Path(directory)).start()
            took.append(time.perf_counter() - began)
            assert len(store.index) == STORED_KEYS
            store.close()
    return min(took) * 1000


def bare(count: int) -> Sample:
    """Temp file, fsync, rename, fsync of the directory; nothing else."""
    with tempfile.TemporaryDirectory() as directory:

        def write(key: str, value: object) -> None:
            replace_file(Path(directory) / f"{key}.json", msgspec.json.encode(value))

        return {**_one_by_one(write, count), **_at_once(write, count)}


def diskcache(count: int) -> Sample:
    """diskcache with synchronous=FULL, which is as durable."""
    from diskcache import Cache

    with tempfile.TemporaryDirectory() as directory, Cache(directory, sqlite_synchronous=2) as cache:
        return {**_one_by_one(cache.set, count), **_at_once(cache.set, count)}


def sqlitedict(count: int) -> Sample:
    """sqlitedict with autocommit and synchronous=FULL, which is as durable; the default does not sync."""
    from sqlitedict import SqliteDict

    with (
        tempfile.TemporaryDirectory() as directory,
        SqliteDict(f"{directory}/state.sqlite", autocommit=True, journal_mode="WAL") as found,
    ):
        found.conn.execute("PRAGMA synchronous=FULL")

        def write(key: str, value: object) -> None:
            found[key] = value
            found.commit(blocking=True)

        return {**_one_by_one(write, count), **_at_once(write, count)}


def _missing(module: str) -> str:
    return "" if find_spec(module) else f"{module} is not installed"


def build(is_quick: bool) -> Benchmark:
    """Durable writes of small values, one by one and by 64 clients at once; the start on 10,000 keys."""
    count = 100 if is_quick else 2000
    return Benchmark(
        name="state",
        title="Durable writes of state",
        contestants=[
            Contestant("undercroft", lambda: undercroft(count)),
            Contestant("bare-replace", lambda: bare(count)),
            Contestant("diskcache", lambda: diskcache(count), _missing("diskcache")),
            Contestant("sqlitedict", lambda: sqlitedict(count), _missing("sqlitedict")),
        ],
        targets=[
            Target("p50_us", 1.5, at_least=False, peer="bare-replace"),
            Target("writes_per_second", 2.0, at_least=True, peer="diskcache"),
            Target("writes_per_second", 2.0, at_least=True, peer="sqlitedict"),
            Target("start_ms", 100, at_least=False),
        ],
    )


if __name__ == "__main__":
    main("bench_state", build)
