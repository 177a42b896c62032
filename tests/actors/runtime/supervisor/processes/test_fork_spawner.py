"""The supervisor's side of the fork server, where the server dies at an awkward moment."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from actors.runtime.supervisor.core.supervision_events import ExitStatus
from actors.runtime.supervisor.processes.spawner import SpawnHandlers, SpawnOrder

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(sys.platform != "linux", reason="children are forked on Linux only"),
]


@pytest.mark.requirement("C-4")
async def test_a_server_that_died_before_its_first_letter_is_replaced() -> None:
    from actors.runtime.supervisor.processes.fork_letters import letter_socket_pair
    from actors.runtime.supervisor.processes.fork_spawner import ForkSpawner

    ours, theirs = letter_socket_pair()
    theirs.close()
    with subprocess.Popen(["true"]) as dead:
        ended: asyncio.Future[ExitStatus] = asyncio.get_running_loop().create_future()
        handlers = SpawnHandlers(
            lambda ticket, pid: None,
            lambda ticket, reason, cannot_run: None,
            lambda pid, status: ended.set_result(status),
        )
        spawner = ForkSpawner(handlers, (dead.pid, ours), preload=["json"])
        async with asyncio.timeout(20):
            while spawner.server_pid == dead.pid:
                await asyncio.sleep(0)
            pipes = spawner.spawn(SpawnOrder(ticket=1, name="probe", command=("true",)))
            assert await ended == ExitStatus(code=0)
        pipes.close()
        spawner.close()
