"""Random SIGKILLs of any process of runtimes under load: what was promised is checked all the time.

    .venv/bin/python -m tests.benchmarks.kill_anything --kills 10000

Each home has writers of settings, of states and of history, a publisher with a subscriber, and somebody who
asks. Broker, fork server, actors, a sidecar with a daemon of its own, and the supervisor are killed at random
moments; after the supervisor nobody may be left, and the next one starts on the same home. Every acknowledged
write must be there, half of none, events in order and once, what is lost told, each request with one outcome,
and everything ready again. Prints one JSON object; exits with 1 if a promise was broken.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from actors.cli.demo.tour_processes import is_running
from actors.runtime.supervisor.processes.descendants.process_tree import descendants_of
from bus.client import Peer, connect
from bus.errors import UndercroftError
from schemas.config import RuntimeConfigRequestEvent
from schemas.state import StateLoadRequestEvent
from tests.support.flow_load import FlowLoad, HistoryLoad, RequestLoad
from tests.support.profiles import MANY_RESTARTS, bundled, write_profile
from tests.support.runtime_launcher import Life, RuntimeLauncher, runtime_launcher
from tests.support.runtime_load import CounterLoad, keep_working
from tests.support.state_load import DOCUMENTS, StateLoad

KILLS_IN_A_LIFE = (6, 12)
LONGEST_PAUSE_SECONDS = 0.25
BACK_SECONDS = 60.0
GONE_SECONDS = 3.0
LOOK_SECONDS = 0.02
CHECK_EVERY_LIVES = 8
TELL_EVERY_LIVES = 20
REQUEST_SECONDS = 20.0

SETTINGS = """
from typing import Literal
from pydantic import BaseModel, Field

class Counters(BaseModel):
    first: int = 0
    second: int = 0

class History(BaseModel):
    persistence_mode: Literal["memory", "disk"] = "disk"
    max_entries: int = 1_000_000

class Settings(BaseModel):
    counters: Counters = Field(default_factory=Counters)
    history: History = Field(default_factory=History)
"""
SIDECAR = "setsid sh -c 'exec setsid sleep 1000' & exec sleep 1000"


class Promise:
    """One home: its load, its lives, and what was broken."""

    def __init__(self, launcher: RuntimeLauncher, directory: Path, dice: random.Random) -> None:
        self._launcher = launcher
        self._dice = dice
        self.home = directory / "home"
        self.profile = write_profile(
            directory / "profile",
            bundled("config_store", intensity=MANY_RESTARTS),
            bundled("state_store", intensity=MANY_RESTARTS),
            bundled("history", depends_on=["config_store"], intensity=MANY_RESTARTS),
            {"name": "sidecar", "command": ["sh", "-c", SIDECAR], "intensity": MANY_RESTARTS},
            settings=SETTINGS,
            top={"documents": "documents.py:DOCUMENTS"},
            modules={"documents.py": DOCUMENTS},
        )
        self._environment = {"UNDERCROFT_KEYCHAIN": f"file:{directory / 'keychain'}"}
        self.counters, self.states = CounterLoad(), StateLoad()
        self.history, self.flow, self.requests = HistoryLoad(), FlowLoad(), RequestLoad()
        self.killed: Counter[str] = Counter()
        self.lives = 0
        self.broken: list[str] = []
        self.back_seconds: list[float] = []
        self.left_for_later = 0
        self._owed: set[int] = set()

    async def run(self, wanted: Callable[[], bool]) -> None:
        """Kill until that is enough, then look at everything."""
        works = [
            *(self.counters.run, self.states.save, self.states.save_batches, self.states.write_document),
            *(self.history.run, self.flow.publish, self.flow.hear, self.requests.run),
        ]
        tasks = [asyncio.ensure_future(keep_working(self.home, work)) for work in works]
        try:
            while wanted():
                life = await self._live()
                if life is not None:
                    await self._kill_some(life, wanted)
                    await self._end(life)
                for task in tasks:
                    if task.done():
                        self.broken.append(f"a load ended: {task.exception()!r}")
                        return
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        life = await self._live()
        if life is not None:
            await self._check()
            await self._check_rested()
            os.kill(life.pid, signal.SIGTERM)
            if await asyncio.wait_for(life.ended, BACK_SECONDS) != 0:
                self.broken.append("the last runtime did not stop well")

    async def _live(self) -> Life | None:
        """Start; everything has to come back, whatever state the last life left."""
        began = time.monotonic()
        life = await self._launcher.start(self.home, self.profile, self._environment)
        self.lives += 1
        settled, ended = asyncio.shield(life.settled), asyncio.shield(life.ended)
        await asyncio.wait({settled, ended}, timeout=BACK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if not life.settled.done():
            self.broken.append(f"life {self.lives} does not settle: {self._words()}")
            with contextlib.suppress(ProcessLookupError):
                os.kill(life.pid, signal.SIGKILL)
            await life.ended
            return None
        for actor in life.settled.result()["actors"]:
            if (state := actor["state"]) != "ready":
                self.broken.append(f"life {self.lives}: {actor['actor']} is {state}: {actor['reason']}")
        self.back_seconds.append(time.monotonic() - began)
        if still := {pid for pid in self._owed if is_running(pid)}:
            self.broken.append(f"left over by the next life as well: {[_comm(pid) for pid in still]}")
        self._owed.clear()
        if self.lives % TELL_EVERY_LIVES == 0:
            sys.stderr.write(f"{self.home}: {self.killed.total()} kills, broken: {self.broken}\n")
        if self.lives % CHECK_EVERY_LIVES == 0:
            await self._check()
        return life

    async def _kill_some(self, life: Life, wanted: Callable[[], bool]) -> None:
        for _ in range(self._dice.randint(*KILLS_IN_A_LIFE)):
            await asyncio.sleep(self._dice.random() * LONGEST_PAUSE_SECONDS)
            victims = [pid for pid in descendants_of(life.pid) if is_running(pid)]
            if not victims or not wanted():
                continue
            pid = self._dice.choice(sorted(victims))
            with contextlib.suppress(OSError):
                name = Path(f"/proc/{pid}/comm").read_text().strip()
                os.kill(pid, signal.SIGKILL)
                self.killed[name] += 1
            if life.ended.done():
                self.broken.append(f"life {self.lives} ended by itself after {name}: {self._words()}")
                return

    async def _end(self, life: Life) -> None:
        """Sometimes everything has to be back first; then the supervisor is killed with all below it."""
        if self._dice.random() < 0.3:
            await self._until_back(life)
        if life.ended.done():
            return
        family = descendants_of(life.pid)
        os.kill(life.pid, signal.SIGKILL)
        self.killed["supervisor"] += 1
        await life.ended
        deadline = time.monotonic() + GONE_SECONDS
        while left := {pid for pid in family if is_running(pid)}:
            if time.monotonic() > deadline:
                self._judge_left(left)
                return
            await asyncio.sleep(LOOK_SECONDS)

    def _judge_left(self, left: set[int]) -> None:
        """If the fork server was killed just before, only the next life can end what a command started."""
        self._owed |= {pid for pid in left if not _comm(pid).startswith(("uc-", "python"))}
        if left - self._owed:
            self.broken.append(f"left over: {[_comm(pid) for pid in left]}")
        self.left_for_later += 1

    async def _until_back(self, life: Life) -> None:
        """Acknowledgements of every kind come again."""
        before, states = self._progress(), dict(self.states.acknowledged)
        deadline = time.monotonic() + BACK_SECONDS
        while True:
            now = self._progress()
            if all(now[name] > before[name] for name in now) and self.states.has_grown(states):
                return
            if time.monotonic() > deadline:
                self.broken.append(f"life {self.lives}: not all is back: {before}, {now}: {self._words()}")
                return
            await asyncio.sleep(LOOK_SECONDS)

    def _progress(self) -> dict[str, int]:
        return {
            "settings": self.counters.acknowledgements,
            "history": self.history.storages.total(),
            "events": self.flow.heard,
            "replies": self.requests.outcomes["reply"],
        }

    async def _check(self) -> None:
        """What was acknowledged is there."""
        try:
            async with connect(home=self.home) as peer:
                await self._compare(peer)
        except (AssertionError, UndercroftError, TimeoutError) as error:
            self.broken.append(f"life {self.lives}: {error!r}")

    async def _compare(self, peer: Peer) -> None:
        set_before = self.counters.acknowledged
        found = await peer.request(RuntimeConfigRequestEvent(operation="get_effective"), REQUEST_SECONDS)
        counters = found.settings["counters"]
        assert counters["first"] == counters["second"], f"half a batch: {counters}"
        assert set_before <= counters["first"] <= self.counters.asked, f"{set_before} of {counters}"
        before = set(self.history.acknowledged)
        self.broken += [trouble for trouble in await self.history.check(peer) if _concerns(trouble, before)]
        states = dict(self.states.acknowledged)
        for name, n in states.items():
            if name.startswith("config.k"):
                value = (await peer.request(StateLoadRequestEvent(key=name), REQUEST_SECONDS)).value
                assert n <= value["n"] <= self.states.asked[name], f"{name}: {value['n']}, acknowledged {n}"
                assert value["filler"] == "x" * (value["n"] % 3000), f"{name}: half a value"
        self.broken += self.flow.faults + self.requests.faults
        self.flow.faults, self.requests.faults = [], []

    async def _check_rested(self) -> None:
        """The same once nobody writes any more, batches and documents as well."""
        try:
            async with connect(home=self.home) as peer:
                await self.states.check(peer)
        except (AssertionError, UndercroftError, TimeoutError) as error:
            self.broken.append(f"at the end: {error!r}")

    def _words(self) -> str:
        with contextlib.suppress(OSError):
            return (self.home / "stderr.log").read_text()[-800:]
        return ""


def _concerns(trouble: str, acknowledged: set[str]) -> bool:
    """Whether something that is missing was acknowledged before we looked."""
    return not trouble.startswith("history lost ") or trouble.removeprefix("history lost ") in acknowledged


def _comm(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return str(pid)


async def measure(kills: int, homes: int, seed: int) -> dict[str, Any]:
    """Kill that often; what became of the promises."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="kills") as directory:
        async with runtime_launcher() as launcher:
            promises = [
                Promise(launcher, Path(directory) / str(number), random.Random(seed + number))
                for number in range(homes)
            ]

            def wanted() -> bool:
                return sum(promise.killed.total() for promise in promises) < kills

            async with asyncio.TaskGroup() as group:
                for promise in promises:
                    group.create_task(promise.run(wanted))
    total: Counter[str] = sum((promise.killed for promise in promises), Counter())
    outcomes: Counter[str] = sum((promise.requests.outcomes for promise in promises), Counter())
    return {
        "seed": seed,
        "kills": total.total(),
        "killed": dict(total.most_common()),
        "lives": sum(promise.lives for promise in promises),
        "seconds": round(time.monotonic() - began),
        "slowest_start_seconds": round(max(max(promise.back_seconds) for promise in promises), 1),
        "left_for_the_next_start": sum(promise.left_for_later for promise in promises),
        "settings_acknowledged": sum(promise.counters.acknowledgements for promise in promises),
        "states_acknowledged": sum(sum(promise.states.acknowledged.values()) for promise in promises),
        "history_acknowledged": sum(len(promise.history.acknowledged) for promise in promises),
        "history_in_memory": sum(promise.history.storages["memory"] for promise in promises),
        "events_heard": sum(promise.flow.heard for promise in promises),
        "events_told_lost": sum(promise.flow.told_lost for promise in promises),
        "events_missed": sum(promise.flow.missed for promise in promises),
        "requests": sum(promise.requests.asked for promise in promises),
        "outcomes": dict(outcomes.most_common()),
        "broken": [trouble for promise in promises for trouble in promise.broken],
    }


def main() -> int:
    """Parse, kill, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--homes", type=int, default=2, help="how many runtimes at once")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    seed = chosen.seed or random.SystemRandom().randrange(1, 1 << 32)
    sys.stderr.write(f"seed {seed}\n")
    found = asyncio.run(measure(chosen.kills, chosen.homes, seed))
    print(json.dumps({"benchmark": "kill_anything", **found}, indent=2))
    return 1 if found["broken"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
