"""An actor is killed with SIGKILL: how long until it serves again.

Ours counts when a request is answered by its successor; circus when the successor, with the same imports,
says that it could serve.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import statistics
import time
from pathlib import Path

from bus.client import Peer, connect
from bus.errors import RequestFailed
from tests.benchmarks.cast import stage
from tests.benchmarks.measure import Benchmark, Contestant, Sample, Target, main
from tests.benchmarks.supervised import PROFILE, Arbiter, circus_missing, undercroft_up

ACTORS = 6
ACTORS_QUICK = 2
LOOK_SECONDS = 0.001
CALM_SECONDS = (0.3, 1.3)
"""Between two kills: the start is over before the next kill, which comes at a random phase of circus."""

CHILD = """
[[children]]
name = "echo_{n}"
entry = "echo:build"
path = "."
"""


def _profile(directory: Path, actors: int) -> Path:
    """A profile with many actors of one kind: each is killed once, so that no restart delays another."""
    directory.mkdir()
    (directory / "echo.py").write_text((PROFILE / "echo.py").read_text())
    (directory / "profile.toml").write_text(
        'name = "recovery"\n' + "".join(CHILD.format(n=n) for n in range(actors))
    )
    return directory


async def _ask_pid(peer: Peer, topic: str, former: int = 0) -> int:
    """Process that answers under this topic, once it is another than the former."""
    while True:
        try:
            pid: int = (await peer.request_raw(topic, {}))["pid"]
            if pid != former:
                return pid
        except RequestFailed:
            pass
        await asyncio.sleep(LOOK_SECONDS)


async def _kill_each(home: Path, actors: int) -> list[float]:
    seconds = []
    async with connect("killer", home=home) as peer:
        for n in range(actors):
            former = await _ask_pid(peer, f"app.echo_{n}")
            await asyncio.sleep(random.uniform(*CALM_SECONDS))
            began = time.monotonic()
            os.kill(former, signal.SIGKILL)
            await _ask_pid(peer, f"app.echo_{n}", former)
            seconds.append(time.monotonic() - began)
    return seconds


def undercroft(actors: int) -> Sample:
    """Our supervisor; each actor is killed once."""
    with (
        stage() as here,
        undercroft_up(here.directory / "home", _profile(here.directory / "profile", actors)),
    ):
        return _sample(asyncio.run(_kill_each(here.directory / "home", actors)))


def circus(actors: int) -> Sample:
    """The arbiter of circus; each child is killed once."""
    with stage() as here:
        arbiter = Arbiter(here.directory, ["actors.runtime.child_main"] * actors)
        seconds = []
        for pid in arbiter.pids:
            time.sleep(random.uniform(*CALM_SECONDS))
            began = time.monotonic()
            os.kill(pid, signal.SIGKILL)
            arbiter.next_ready()
            seconds.append(time.monotonic() - began)
        arbiter.close()
    return _sample(seconds)


def _sample(seconds: list[float]) -> Sample:
    return {"p50_ms": statistics.median(seconds) * 1000, "slowest_ms": max(seconds) * 1000}


def build(is_quick: bool) -> Benchmark:
    """An actor is killed with SIGKILL: how long until it serves again."""
    actors = ACTORS_QUICK if is_quick else ACTORS
    return Benchmark(
        name="recovery",
        title="SIGKILL to serving again",
        contestants=[
            Contestant("undercroft", lambda: undercroft(actors)),
            Contestant("circus", lambda: circus(actors), circus_missing()),
        ],
        targets=[Target("p50_ms", 60, at_least=False), Target("p50_ms", 0.1, at_least=False, peer="circus")],
    )


if __name__ == "__main__":
    main("bench_recovery", build)
