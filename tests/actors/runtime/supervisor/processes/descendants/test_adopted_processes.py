"""The supervisor adopts what loses its parent, and ends what has outlived its child: nothing else."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import subprocess
import sys

import pytest

from actors.runtime.supervisor.processes.descendants.adopted_processes import AdoptedProcesses
from actors.runtime.supervisor.processes.descendants.process_tree import MARK, children_of

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(sys.platform != "linux", reason="adopts orphans"),
]
LIMIT_SECONDS = 20.0


def _orphan(mark: str) -> int:
    """The pidfd of a process in a session of its own whose parent has ended."""
    script = "setsid sleep 1000 >/dev/null 2>&1 & echo $!"
    environment = {**os.environ, MARK: mark}
    done = subprocess.run(["sh", "-c", script], env=environment, capture_output=True, check=True)
    return os.pidfd_open(int(done.stdout))


async def _ended(pidfd: int, seconds: float = LIMIT_SECONDS) -> bool:
    return bool((await asyncio.to_thread(select.select, [pidfd], [], [], seconds))[0])


async def test_an_orphan_ends_once_its_child_has_ended() -> None:
    live = {"r.1", "r.2"}
    adopted = AdoptedProcesses("r.", lambda: live)
    first, second, stranger = _orphan("r.1"), _orphan("r.2"), _orphan("another.1")
    live.remove("r.1")
    adopted.sweep()
    assert await _ended(first)
    assert not await _ended(second, 0)
    adopted.close()
    assert await _ended(second, 0)
    assert not await _ended(stranger, 0)
    signal.pidfd_send_signal(stranger, signal.SIGKILL)
    await _ended(stranger)
    for pid in children_of(os.getpid()):
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG)


async def test_children_of_a_server_that_died_end_with_their_groups_and_are_reaped() -> None:
    adopted = AdoptedProcesses("r.")
    with subprocess.Popen(["sleep", "1000"], start_new_session=True) as child:
        pidfd = os.pidfd_open(child.pid)
        adopted.sweep({child.pid})
        assert await _ended(pidfd)
        async with asyncio.timeout(LIMIT_SECONDS):
            while child.pid in children_of(os.getpid()):
                await asyncio.sleep(0)
    adopted.close()


async def test_a_server_that_hangs_is_killed_and_does_not_hold_up_the_end() -> None:
    adopted = AdoptedProcesses("r.")
    with subprocess.Popen(["sh", "-c", "kill -STOP $$"]) as server:
        await asyncio.to_thread(adopted.end_server, server.pid, server)
        assert server.returncode == -9
    adopted.close()
