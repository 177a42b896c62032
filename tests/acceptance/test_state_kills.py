"""The state store is killed over and over under load: nothing acknowledged is lost or half done."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import random
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from actors.cli.connection import ask
from bus.client import Peer, connect
from schemas.documents import DocumentReadRequestEvent, DocumentWriteRequestEvent
from schemas.state import (
    BatchOperation,
    StateHealthRequestEvent,
    StateListRequestEvent,
    StateLoadBatchRequestEvent,
    StateLoadRequestEvent,
    StateSaveBatchRequestEvent,
    StateSaveRequestEvent,
)
from tests.acceptance.conftest import Start
from tests.support.profiles import MANY_RESTARTS, bundled, write_profile
from tests.support.runtime_load import keep_working
from tests.support.runtime_process import RuntimeProcess, within

pytestmark = [
    pytest.mark.slow,
    pytest.mark.anyio,
    pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc"),
]

LIVES = 5
KILLS = 4
"""Of the state store in each life of the supervisor. More would only wait for restarts."""

LONGEST_PAUSE_SECONDS = 0.15
WRITERS = 8
TIMEOUT_SECONDS = 5.0

DOCUMENTS = """
from pydantic import BaseModel

class Counter(BaseModel):
    n: int = 0

DOCUMENTS = [Counter]
"""


class StateLoad:
    """Counts up keys, batches and a document, and remembers outside the runtime what was acknowledged."""

    def __init__(self) -> None:
        self.asked: dict[str, int] = {}
        self.acknowledged: dict[str, int] = {}

    def next(self, name: str) -> int:
        self.asked[name] = self.asked.get(name, 0) + 1
        return self.asked[name]

    async def save(self, peer: Peer) -> None:
        """Save one key each for many writers at once."""

        async def write(key: str) -> None:
            while True:
                n = self.next(key)
                await peer.request(
                    StateSaveRequestEvent(key=key, value={"n": n, "filler": "x" * (n % 3000)}),
                    TIMEOUT_SECONDS,
                )
                self.acknowledged[key] = n

        try:
            async with asyncio.TaskGroup() as writers:
                for number in range(WRITERS):
                    writers.create_task(write(f"config.k{number}"))
        except ExceptionGroup as group:
            raise group.exceptions[0] from None

    async def save_batches(self, peer: Peer) -> None:
        """Save three keys with one number, and one key that comes and goes with them."""
        while True:
            n = self.next("batch")
            operations = [BatchOperation(type="save", key=f"config.batch{part}", value=n) for part in "abc"]
            operations.append(
                BatchOperation(
                    type="save" if n % 2 else "delete", key="config.odd", value=n if n % 2 else None
                )
            )
            await peer.request(StateSaveBatchRequestEvent(operations=operations), TIMEOUT_SECONDS)
            self.acknowledged["batch"] = n

    async def write_document(self, peer: Peer) -> None:
        """Write a typed document."""
        while True:
            n = self.next("document")
            await peer.request(
                DocumentWriteRequestEvent(type_name="Counter", value={"n": n}), TIMEOUT_SECONDS
            )
            self.acknowledged["document"] = n

    async def check(self, peer: Peer) -> None:
        """Check that what is found was acknowledged, or is newer and was asked for, never half a batch."""
        found = (
            await peer.request(
                StateLoadBatchRequestEvent(keys=[*(f"config.batch{part}" for part in "abc"), "config.odd"]),
                TIMEOUT_SECONDS,
            )
        ).values
        parts = {found[f"config.batch{part}"] or 0 for part in "abc"}
        assert len(parts) == 1, f"half a batch: {found}"
        self.fits("batch", parts.pop())
        assert found["config.odd"] == (
            found["config.batcha"] if (found["config.batcha"] or 0) % 2 else None
        ), f"half a batch: {found}"
        for number in range(WRITERS):
            value = (
                await peer.request(StateLoadRequestEvent(key=f"config.k{number}"), TIMEOUT_SECONDS)
            ).value or {"n": 0, "filler": ""}
            self.fits(f"config.k{number}", value["n"])
            assert value["filler"] == "x" * (value["n"] % 3000)
        self.fits(
            "document",
            (await peer.request(DocumentReadRequestEvent(type_name="Counter"), TIMEOUT_SECONDS)).value["n"],
        )
        assert (await peer.request(StateHealthRequestEvent(), TIMEOUT_SECONDS)).corrupted == 0

    def has_grown(self, before: dict[str, int]) -> bool:
        """Whether something of each kind was acknowledged since then."""
        return all(
            self.acknowledged.get(name, 0) > before.get(name, 0)
            for name in ("batch", "document", "config.k0")
        )

    def fits(self, name: str, n: int) -> None:
        acknowledged, asked = self.acknowledged.get(name, 0), self.asked.get(name, 0)
        assert acknowledged <= n <= asked, f"{name}: found {n}, acknowledged {acknowledged}, asked {asked}"


@pytest.mark.requirement("S3-25", "S3-4", "S3-12", "S2-5")
async def test_a_state_store_that_is_killed_under_load_loses_nothing_acknowledged_and_shows_no_half_batch(
    tmp_path: Path, start: Start
) -> None:
    seed = int(os.environ.get("KILL_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
    print(f"KILL_SEED={seed}")
    dice = random.Random(seed)
    profile = write_profile(
        tmp_path / "profile",
        bundled("state_store", intensity=MANY_RESTARTS),
        top={"documents": "documents.py:DOCUMENTS"},
        modules={"documents.py": DOCUMENTS},
    )
    home, load = tmp_path / "home", StateLoad()
    lives = [start(profile, home)]
    await asyncio.to_thread(lives[0].wait_settled)
    tasks = [
        asyncio.ensure_future(keep_working(home, work))
        for work in (load.save, load.save_batches, load.write_document)
    ]
    for number in range(LIVES):
        for _ in range(KILLS):
            await _until(tasks, functools.partial(load.has_grown, dict(load.acknowledged)))
            await asyncio.sleep(dice.random() * LONGEST_PAUSE_SECONDS)  # a random moment for the kill
            await asyncio.to_thread(_kill, lives[-1])
        await _until(tasks, functools.partial(load.has_grown, dict(load.acknowledged)))
        if number == LIVES - 1:
            for task in tasks:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        await asyncio.to_thread(lives[-1].kill)
        assert await asyncio.to_thread(within, 5.0, functools.partial(_is_over, lives[-1]))
        lives.append(start(profile, home))
    await asyncio.to_thread(lives[-1].wait_settled)
    async with connect(home=home) as peer:
        await ask(peer, StateListRequestEvent(), 20.0)
        await load.check(peer)
    print(f"{sum(load.acknowledged.values())} acknowledgements of {sum(load.asked.values())} requests")
    assert lives[-1].end() == 0
    assert list((home / "state" / "store").rglob("*.tmp")) == []


async def _until(tasks: list[asyncio.Task[None]], what: Callable[[], bool]) -> None:
    """Wait until the load has made progress, however slow the machine is."""
    async with asyncio.timeout(30.0):
        while not what():
            for task in tasks:
                assert not task.done(), task.exception()
            await asyncio.sleep(0.005)


def _is_over(life: RuntimeProcess) -> bool:
    return not life.alive()


def _kill(life: RuntimeProcess) -> None:
    found: list[int] = []

    def is_found() -> bool:
        found[:] = [pid for pid in [life.pid_of("uc-state_store")] if pid is not None]
        return bool(found)

    assert within(20.0, is_found), "the state store does not come back"
    with contextlib.suppress(ProcessLookupError):
        os.kill(found[0], signal.SIGKILL)
