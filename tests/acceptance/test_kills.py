"""200 kills at random moments, under load, over ipc and TCP, of forked and of spawned processes.

Nothing acknowledged is lost, nothing half-done is seen, nobody is left over.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import os
import random
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bus.client import connect
from schemas.config import RuntimeConfigRequestEvent
from tests.acceptance.conftest import Start
from tests.support.faulty_origin import FaultyOrigin, serve_model
from tests.support.origin_content import SyntheticContent
from tests.support.profiles import write_counter_profile
from tests.support.runtime_load import CounterLoad, InstallLoad, ModelsWatch, keep_working
from tests.support.runtime_process import LIMIT_SECONDS, LOOK_SECONDS, RuntimeProcess, described, within

pytestmark = [
    pytest.mark.slow,
    pytest.mark.anyio,
    pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc"),
]

LIVES = 20
"""Of ten kills each, the last one of the supervisor. No child is killed so often that its circuit opens."""

VICTIMS = (
    "uc-broker",
    "uc-broker",
    "uc-config_store",
    "uc-config_store",
    "uc-model_verifi",
    "uc-model_downlo",
    "uc-model_downlo",
)
ANYBODY = ("uc-config_store", "uc-model_verifi", "uc-model_downlo")
LONGEST_PAUSE_SECONDS = 0.2
MIB = 1 << 20


@pytest.mark.requirement("C-1", "C-4", "S0-6", "S0-7", "S0-8", "S0-9", "S0-10", "S1-26", "S2-15", "S2-16")
async def test_200_kills_lose_nothing_acknowledged_show_nothing_half_done_and_leave_nobody_behind(
    tmp_path: Path, start: Start
) -> None:
    seed = int(os.environ.get("KILL_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
    print(f"KILL_SEED={seed}")
    dice = random.Random(seed)
    home = tmp_path / "home"
    counting = CounterLoad()
    with FaultyOrigin(rate_bytes_per_second=12 * MIB) as origin:
        entries = [
            serve_model(origin, f"model-{number}", SyntheticContent(number * MIB + number, seed=number))
            for number in (1, 2, 3)
        ]
        profile = write_counter_profile(tmp_path / "profile", entries)
        installing = InstallLoad(entries)
        with ModelsWatch(home / "models", entries) as watch:
            tasks = [
                asyncio.ensure_future(keep_working(home, counting.run)),
                asyncio.ensure_future(keep_working(home, installing.run)),
            ]
            lives = []
            for number in range(LIVES):
                how = "spawn" if number % 5 == 4 else "fork"
                lives.append(start(profile, home, "--transport", dice.choice(("ipc", "tcp")), "--spawn", how))
                acknowledgements, installed = (
                    counting.acknowledgements + 5,
                    installing.installed + (number % 5 == 0),
                )
                await _live(lives[-1], dice, "uc-forkserver" if how == "fork" else "uc-broker")
                await _until(
                    functools.partial(_got_to, counting, installing, acknowledgements, installed), tasks
                )
                await _die(lives[-1], dice)
                _check_disk(home, counting)
            lives.append(start(profile, home))
            await asyncio.to_thread(lives[-1].wait_settled)
            for task in tasks:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            await _check_in_effect(home, counting)
            _check_disk(home, counting)
            async with connect(home=home) as peer:
                for entry in entries:
                    await installing.install(peer, entry.id)
        print(
            f"{counting.acknowledgements} of {counting.asked} acknowledged, {installing.installed} installs"
        )
        print(f"{watch.whole} whole models in {watch.looks} looks")
        assert watch.faults == []
        assert all(
            (home / "models" / entry.id / "model.bin").stat().st_size == entry.size_bytes for entry in entries
        )
        assert watch.whole > 0
    assert lives[-1].end() == 0
    assert within(1.0, lambda: not any(life.alive() for life in lives)), [life.alive() for life in lives]


async def _live(life: RuntimeProcess, dice: random.Random, one_more: str) -> None:
    """Kill some of its processes, at random moments and in random order."""
    victims = [*VICTIMS, one_more, dice.choice(ANYBODY)]
    dice.shuffle(victims)
    for victim in victims:
        await asyncio.sleep(dice.random() * LONGEST_PAUSE_SECONDS)  # a random moment for the kill
        await asyncio.to_thread(_kill, life, victim)


def _got_to(counting: CounterLoad, installing: InstallLoad, acknowledgements: int, installed: int) -> bool:
    return counting.acknowledgements >= acknowledgements and installing.installed >= installed


async def _until(what: Callable[[], bool], tasks: list[asyncio.Task[None]]) -> None:
    """Wait until the load has made progress, however slow the machine is."""
    async with asyncio.timeout(LIMIT_SECONDS):
        while not what():
            for task in tasks:
                assert not task.done(), task.exception()
            await asyncio.sleep(LOOK_SECONDS)


async def _die(life: RuntimeProcess, dice: random.Random) -> None:
    """Kill the supervisor, and check that none of its processes runs a second later."""
    await asyncio.sleep(dice.random() * LONGEST_PAUSE_SECONDS)
    await asyncio.to_thread(life.kill)
    assert await asyncio.to_thread(within, 1.0, lambda: not life.alive()), (
        f"alive a second after the supervisor: {described(life.alive())}"
    )


def _kill(life: RuntimeProcess, victim: str) -> None:
    found: list[int] = []

    def is_found() -> bool:
        assert life.process.poll() is None, (
            f"the supervisor ended: {(life.home / 'stderr.log').read_text()[-3000:]}"
        )
        found[:] = [pid for pid in [life.pid_of(victim)] if pid is not None]
        return bool(found)

    assert within(20.0, is_found), f"{victim} does not come back"
    with contextlib.suppress(ProcessLookupError):
        os.kill(found[0], signal.SIGKILL)


def _check_disk(home: Path, counting: CounterLoad) -> None:
    """While nobody writes, the disk must hold what was acknowledged."""
    file = home / "config" / "config.json"
    overrides = json.loads(file.read_bytes())["overrides"] if file.exists() else {}
    counting.check(overrides.get("counters.first", 0), overrides.get("counters.second", 0))


async def _check_in_effect(home: Path, counting: CounterLoad) -> None:
    async with connect(home=home) as peer:
        settings = (await peer.request(RuntimeConfigRequestEvent(operation="get_effective"))).settings
    counting.check(settings["counters"]["first"], settings["counters"]["second"])
