"""What the supervisor does to an actor is in the logs of both, and how each last ended is in status."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.profiles import write_profile
from tests.support.runtime_process import LIMIT_SECONDS, RuntimeProcess, within

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="measures memory, and ends processes by signals"),
]

ACTORS = '''
"""Actors that the supervisor has to end, and one that refuses."""

import asyncio
import time

from bus.actor import Actor
from bus.errors import OperatorError
from schemas.config import SettingsChangedEvent


class Idle(Actor[SettingsChangedEvent]):
    async def handle(self, event):
        return None


class Late(Idle):
    async def prepare(self):
        loop = asyncio.get_running_loop()
        self.kept = []
        loop.call_later(0.2, getattr(self, self.context.name))

    def hanging(self):
        time.sleep(1000)

    def greedy(self):
        self.kept.append(bytearray(b"x" * (400 << 20)))


class Slow(Idle):
    async def prepare(self):
        await asyncio.sleep(1000)


class DiskMissing(OperatorError):
    path: str
    words = "{path}: there is no such disk; plug it in"


def late(context):
    actor = Late(context)
    actor.context = context
    return actor


def slow(context):
    return Slow(context)


def refusing(context):
    raise DiskMissing("/media/notes")
'''

ONCE = {"restart": "temporary"}
REFUSAL = "/media/notes: there is no such disk; plug it in"
STUBBORN = ["sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"]
CHILDREN: list[dict[str, Any]] = [
    {"name": "hanging", "entry": "ending_actors:late", **ONCE, "heartbeat_timeout_seconds": 0.5},
    {"name": "greedy", "entry": "ending_actors:late", **ONCE, "memory_limit_mib": 200},
    {"name": "slow", "entry": "ending_actors:slow", **ONCE, "start_timeout_seconds": 0.5},
    {"name": "refusing", "entry": "ending_actors:refusing", **ONCE},
    {"name": "stubborn", "command": STUBBORN, "shutdown_timeout_seconds": 0.2},
]
VERDICTS = {
    "hanging": ["hung: no answer to a ping for 0.5 s; it is killed", "hung: no answer to a ping for 0.5 s"],
    "greedy": ["MiB of memory, limit is 200 MiB; it is asked to stop", "MiB of memory, limit is 200 MiB"],
    "slow": ["not ready within 0.5 s; it is killed", "not ready within 0.5 s"],
    "refusing": [f"refused to start or to go on (exit code 1): {REFUSAL}"],
    "stubborn": ["does not end when asked; it is killed"],
}


def test_every_verdict_is_in_the_logs_and_the_last_end_in_status(
    start: Callable[..., RuntimeProcess], tmp_path: Path
) -> None:
    profile = write_profile(tmp_path / "profile", *CHILDREN, modules={"ending_actors.py": ACTORS})
    runtime = start(profile)
    settled = runtime.wait_settled()
    assert not settled["ready"]
    assert runtime.command("restart", "stubborn").returncode == 0

    def ended() -> dict[str, dict[str, Any]]:
        found = json.loads(runtime.command("status", "--json").stdout)
        return {actor["actor"]: actor for actor in found["actors"] if actor["last_end"]}

    assert within(LIMIT_SECONDS, lambda: ended().keys() == {"hanging", "greedy", "slow", "refusing"})
    told = runtime.command("logs", "supervisor").stdout
    for actor, verdicts in VERDICTS.items():
        own = runtime.command("logs", actor).stdout
        for verdict in verdicts:
            assert verdict in own, (actor, own)
            assert verdict in told, (actor, told)
    assert all(actor["crashes"] == 1 for actor in ended().values())
    assert ended()["refusing"]["last_end"]["words"] == REFUSAL
    shown = runtime.command("status").stdout
    assert "ended unexpectedly once" in shown
    assert REFUSAL in shown
    (stubborn,) = (line for line in shown.splitlines() if "stubborn" in line)
    assert "restarted once" in stubborn
    assert "unexpectedly" not in stubborn
