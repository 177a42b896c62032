"""Many starts of whole runtimes while every core is busy: none hangs, and nothing restarts.

    .venv/bin/python -m tests.benchmarks.starts_under_load --starts 2000

Each start has a home of its own, and is stopped once it has settled. A start that takes longer than
`--hang-seconds`, a child that restarted, failed or is not ready, and a stop that does not end with 0 count
against it. Prints one JSON object; exits with 1 if anything counted.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import os
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.profiles import write_profile
from tests.support.runtime_launcher import Life, RuntimeLauncher, runtime_launcher

GIVE_UP_SECONDS = 90.0
TELL_EVERY = 50


class Starts:
    """Starts one runtime after another, and keeps count."""

    def __init__(self, launcher: RuntimeLauncher, directory: Path, profiles: list[str], hang: float) -> None:
        self._launcher = launcher
        self._directory = directory
        self._profiles = profiles
        self._hang_seconds = hang
        self.seconds: list[float] = []
        self.troubles: list[str] = []

    async def run(self, numbers: Iterator[int]) -> None:
        for number in numbers:
            await self._one(number)
            if len(self.seconds) % TELL_EVERY == 0:
                sys.stderr.write(f"{len(self.seconds)} starts, {len(self.troubles)} troubles\n")

    async def _one(self, number: int) -> None:
        home = self._directory / str(number)
        began = time.monotonic()
        life = await self._launcher.start(home, self._profiles[number % len(self._profiles)])
        try:
            overview = await asyncio.wait_for(asyncio.shield(life.settled), GIVE_UP_SECONDS)
        except TimeoutError:
            self.troubles.append(f"start {number} never settled: {_words(home)}")
            os.kill(life.pid, signal.SIGKILL)
            await life.ended
            return
        took = time.monotonic() - began
        self.seconds.append(took)
        if took > self._hang_seconds:
            self.troubles.append(f"start {number} took {took:.1f} s")
        self._judge(number, overview)
        await self._stop(number, life, home)

    def _judge(self, number: int, overview: dict[str, Any]) -> None:
        for actor in overview["actors"]:
            if actor["state"] != "ready" or actor["restarts"]:
                self.troubles.append(
                    f"start {number}: {actor['actor']} is {actor['state']} after "
                    f"{actor['restarts']} restarts: {actor['reason']}"
                )

    async def _stop(self, number: int, life: Life, home: Path) -> None:
        os.kill(life.pid, signal.SIGTERM)
        try:
            code = await asyncio.wait_for(asyncio.shield(life.ended), GIVE_UP_SECONDS)
            if code != 0:
                self.troubles.append(f"start {number} ended with {code}: {_words(home)}")
        except TimeoutError:
            self.troubles.append(f"start {number} does not stop")
            os.kill(life.pid, signal.SIGKILL)
            await life.ended
        shutil.rmtree(home, ignore_errors=True)


def _words(home: Path) -> str:
    with contextlib.suppress(OSError):
        return (home / "stderr.log").read_text()[-500:]
    return ""


def _spin() -> None:
    while True:
        pass


@contextlib.contextmanager
def busy(cores: int) -> Iterator[None]:
    """Every core has something else to do."""
    spinners = [multiprocessing.Process(target=_spin, daemon=True) for _ in range(cores)]
    for spinner in spinners:
        spinner.start()
    try:
        yield
    finally:
        for spinner in spinners:
            spinner.kill()


async def measure(starts: int, parallel: int, profiles: list[str], hang_seconds: float) -> dict[str, Any]:
    """Start that many runtimes; what became of them."""
    with tempfile.TemporaryDirectory(prefix="starts") as directory:
        async with runtime_launcher() as launcher:
            found = Starts(launcher, Path(directory), profiles, hang_seconds)
            numbers = iter(range(starts))
            async with asyncio.TaskGroup() as group:
                for _ in range(parallel):
                    group.create_task(found.run(numbers))
    return {
        "starts": len(found.seconds),
        "median_seconds": round(statistics.median(found.seconds), 2),
        "slowest_seconds": round(max(found.seconds), 2),
        "troubles": found.troubles,
    }


def main() -> int:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--starts", type=int, default=30)
    parser.add_argument("--parallel", type=int, default=2)
    parser.add_argument("--busy", type=int, default=os.cpu_count() or 1, help="cores that are kept busy")
    parser.add_argument("--hang-seconds", type=float, default=10.0)
    parser.add_argument("--profile", action="append", default=[], help="default: the bundled one")
    parser.add_argument("--small", action="store_true", help="a profile with two actors and a command")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="profile") as directory, busy(chosen.busy):
        sleeper = {"name": "sleeper", "command": ["sleep", "1000"]}
        small = str(write_profile(Path(directory), "history", "state_store", sleeper))
        profiles = chosen.profile or ([small] if chosen.small else ["dictation"])
        found = asyncio.run(measure(chosen.starts, chosen.parallel, profiles, chosen.hang_seconds))
    print(json.dumps({"benchmark": "starts_under_load", "busy_cores": chosen.busy, **found}, indent=2))
    return 1 if found["troubles"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
