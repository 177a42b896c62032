"""Settings of a real runtime: killed under the load of many clients, and on a full disk."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from bus.client import Peer, connect
from schemas.config import RuntimeConfigRequestEvent
from schemas.operations.alerts import AlertChangedEvent
from tests.acceptance.conftest import Start
from tests.support.profiles import MANY_RESTARTS, bundled, write_profile
from tests.support.runtime_load import TIMEOUT_SECONDS, keep_working
from tests.support.runtime_process import LIMIT_SECONDS, LOOK_SECONDS, within

pytestmark = [
    pytest.mark.slow,
    pytest.mark.anyio,
    pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc"),
]

CLIENTS = 16
LIVES, KILLS = 3, 4
"""Of the store in each life of the runtime; not many, because the delays before restarts grow."""
GET = RuntimeConfigRequestEvent(operation="get_effective")

SETTINGS = f"""
from pydantic import BaseModel, Field, create_model

Numbers = create_model("Numbers", **{{f"n{{number}}": (int, 0) for number in range({CLIENTS})}})


class Settings(BaseModel):
    left: Numbers = Field(default_factory=Numbers)
    right: Numbers = Field(default_factory=Numbers)
    text: str = Field(default="", max_length=1000000)
"""


CONFIG_STORE = bundled("config_store", intensity=MANY_RESTARTS)


class Client:
    """Sets the two numbers of its own to 1, 2, 3 ..., and remembers what was acknowledged as durable."""

    def __init__(self, number: int) -> None:
        self.name = f"n{number}"
        self.asked = self.acknowledged = 0

    async def run(self, peer: Peer) -> None:
        while True:
            self.asked += 1
            updates = {f"left.{self.name}": self.asked, f"right.{self.name}": self.asked}
            answer = await peer.request(
                RuntimeConfigRequestEvent(operation="update", updates=updates), TIMEOUT_SECONDS
            )
            assert answer.success, answer.message
            if answer.durable:
                self.acknowledged = self.asked

    def check(self, left: int, right: int) -> None:
        assert left == right, f"{self.name}: half a batch: {left} and {right}"
        assert self.acknowledged <= left <= self.asked, (
            f"{self.name}: found {left}, acknowledged {self.acknowledged}, asked {self.asked}"
        )


@pytest.mark.requirement("S2-15", "S2-16", "S0-2")
async def test_many_clients_lose_nothing_acknowledged_when_their_store_is_killed_again_and_again(
    tmp_path: Path, start: Start
) -> None:
    profile, home = write_profile(tmp_path / "profile", CONFIG_STORE, settings=SETTINGS), tmp_path / "home"
    clients = [Client(number) for number in range(CLIENTS)]
    tasks = [asyncio.ensure_future(keep_working(home, client.run)) for client in clients]
    for _ in range(LIVES):
        life = start(profile, home)
        for _ in range(KILLS):
            await _until_acknowledged(clients, tasks, 3 * CLIENTS)
            pid = await asyncio.to_thread(life.pid_of, "uc-config_store")
            acknowledged = {client.name: client.acknowledged for client in clients}
            if pid is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            _check_at_least(home, acknowledged)
        await asyncio.to_thread(life.kill)
        assert await asyncio.to_thread(within, 1.0, lambda life=life: not life.alive())
    life = start(profile, home)
    await asyncio.to_thread(life.wait_settled)
    for task in tasks:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    async with connect(home=home) as peer:
        settings = (await peer.request(GET)).settings
    for client in clients:
        client.check(settings["left"][client.name], settings["right"][client.name])
    assert life.end() == 0
    stored = json.loads((home / "config" / "config.json").read_bytes())["overrides"]
    for client in clients:
        client.check(stored[f"left.{client.name}"], stored[f"right.{client.name}"])


async def _until_acknowledged(clients: list[Client], tasks: list[asyncio.Task[None]], more: int) -> None:
    goal = sum(client.acknowledged for client in clients) + more
    async with asyncio.timeout(LIMIT_SECONDS):
        while sum(client.acknowledged for client in clients) < goal:
            for task in tasks:
                assert not task.done(), task.exception()
            await asyncio.sleep(LOOK_SECONDS)


def _check_at_least(home: Path, acknowledged: dict[str, int]) -> None:
    found = json.loads((home / "config" / "config.json").read_bytes())["overrides"]
    for name, count in acknowledged.items():
        assert found.get(f"left.{name}", 0) == found.get(f"right.{name}", 0) >= count


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "small"
    path.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k,mode=0700", "tmpfs", str(path)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("a disk of its own size cannot be mounted here: this takes root")
    yield path
    subprocess.run(["umount", "-l", str(path)], check=True)


@pytest.mark.requirement("S2-15", "S0-4")
async def test_a_full_disk_is_told_and_once_there_is_room_all_is_durable(
    tmp_path: Path, small_disk: Path, start: Start
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "config").symlink_to(small_disk)
    life = start(write_profile(tmp_path / "profile", CONFIG_STORE, settings=SETTINGS), tmp_path / "home")
    await asyncio.to_thread(life.wait_settled)
    async with connect(home=tmp_path / "home") as peer, peer.subscribe(AlertChangedEvent) as alerts:

        async def alert() -> bool:
            while True:
                event = await anext(alerts)
                if isinstance(event, AlertChangedEvent) and event.alert.name == "config.not_durable":
                    return event.alert.is_active

        ask = partial(RuntimeConfigRequestEvent, operation="update")
        assert (await peer.request(ask(updates={"left.n0": 1}))).durable
        (small_disk / "filler").write_bytes(b"x" * 150_000)
        full = await peer.request(ask(updates={"left.n0": 2, "text": "y" * 120_000}))
        assert (full.success, full.durable, full.settings["left"]["n0"]) == (True, False, 2)
        assert "not durable" in full.message
        assert json.loads((small_disk / "config.json").read_bytes())["overrides"] == {"left.n0": 1}
        assert not (small_disk / "config.json.tmp").exists()
        assert await alert()
        (small_disk / "filler").unlink()
        while await alert():
            pass
        assert json.loads((small_disk / "config.json").read_bytes())["overrides"]["left.n0"] == 2
        assert (await peer.request(GET)).durable
    assert life.end() == 0
