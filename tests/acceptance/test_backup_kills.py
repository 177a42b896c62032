"""The state store is killed during backups and restores: the state is whole, and every backup is good."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from pathlib import Path

import pytest

from actors.cli.connection import ask
from bus.client import Peer, connect
from schemas.backups import (
    BackupCreateRequestEvent,
    BackupRestoreRequestEvent,
    BackupsVerifyRequestEvent,
    StateCheckRequestEvent,
)
from schemas.state import BatchOperation, StateLoadBatchRequestEvent, StateSaveBatchRequestEvent
from tests.acceptance.conftest import Start
from tests.support.profiles import MANY_RESTARTS, bundled, write_profile
from tests.support.runtime_load import keep_working
from tests.support.runtime_process import RuntimeProcess, within

pytestmark = [
    pytest.mark.slow,
    pytest.mark.anyio,
    pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc"),
]

KILLS = 4
"""More kills would only wait: the delays before restarts grow."""

KEYS = [f"config.k{number}" for number in range(60)]
LONGEST_PAUSE_SECONDS = 0.6
TIMEOUT_SECONDS = 30.0


class Restores:
    """Restores two backups in turn, and creates a further one after each."""

    def __init__(self, ids: list[str]) -> None:
        self.ids = ids
        self.done = 0

    async def run(self, peer: Peer) -> None:
        while True:
            await peer.request(BackupRestoreRequestEvent(id=self.ids[self.done % 2]), TIMEOUT_SECONDS)
            self.done += 1
            await peer.request(BackupCreateRequestEvent(name="further"), TIMEOUT_SECONDS)


async def _save(peer: Peer, value: str) -> None:
    operations = [BatchOperation(type="save", key=key, value=value) for key in KEYS]
    await peer.request(StateSaveBatchRequestEvent(operations=operations), TIMEOUT_SECONDS)


def _kill(runtime: RuntimeProcess) -> None:
    assert within(20.0, lambda: runtime.pid_of("uc-state_store") is not None)
    pid = runtime.pid_of("uc-state_store")
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert within(20.0, lambda: runtime.pid_of("uc-state_store") not in (None, pid))


@pytest.mark.requirement("S3-6", "S3-25", "S0-19")
async def test_killed_while_it_restores_the_state_is_that_of_one_backup_and_all_backups_are_good(
    tmp_path: Path, start: Start
) -> None:
    seed = int(os.environ.get("KILL_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
    print(f"KILL_SEED={seed}")
    dice = random.Random(seed)
    home = tmp_path / "home"
    profile = write_profile(tmp_path / "profile", bundled("state_store", intensity=MANY_RESTARTS))
    runtime = start(profile, home)
    await asyncio.to_thread(runtime.wait_settled)
    async with connect(home=home) as peer:
        ids = []
        for value in ("first", "second"):
            await _save(peer, value)
            ids.append((await peer.request(BackupCreateRequestEvent(name=value), TIMEOUT_SECONDS)).backup.id)
    restores = Restores(ids)
    task = asyncio.ensure_future(keep_working(home, restores.run))
    for _ in range(KILLS):
        await asyncio.sleep(dice.random() * LONGEST_PAUSE_SECONDS)  # a random moment for the kill
        await asyncio.to_thread(_kill, runtime)
        assert not task.done(), task.exception()
    before = restores.done
    while restores.done < before + 2:
        await asyncio.sleep(0.01)
        assert not task.done(), task.exception()
    task.cancel()
    await asyncio.to_thread(_kill, runtime)
    async with connect(home=home) as peer:
        values = set(
            (await ask(peer, StateLoadBatchRequestEvent(keys=KEYS), TIMEOUT_SECONDS)).values.values()
        )
        assert values in ({"first"}, {"second"}), f"a mixture: {values}"
        assert (await peer.request(BackupsVerifyRequestEvent(), TIMEOUT_SECONDS)).faults == []
        found = await peer.request(StateCheckRequestEvent(), TIMEOUT_SECONDS)
        assert found.is_sound, found.findings
    store = home / "state" / "store"
    assert not (store / ".restore").exists()
    assert runtime.end() == 0
