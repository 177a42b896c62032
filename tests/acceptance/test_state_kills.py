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
from bus.client import connect
from schemas.state import StateListRequestEvent
from tests.acceptance.conftest import Start
from tests.support.profiles import MANY_RESTARTS, bundled, write_profile
from tests.support.runtime_load import keep_working
from tests.support.runtime_process import RuntimeProcess, within
from tests.support.state_load import DOCUMENTS, StateLoad

pytestmark = [
    pytest.mark.slow,
    pytest.mark.anyio,
    pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc"),
]

LIVES = 5
KILLS = 4
"""Of the state store in each life of the supervisor. More would only wait for restarts."""

LONGEST_PAUSE_SECONDS = 0.15


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
