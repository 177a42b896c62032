"""Commands whose lines are read as they come, and the processes below one."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from actors.cli.demo.tour_processes import TourCommand, all_gone, descendants, is_running

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc"),
]


async def test_lines_come_in_order_and_the_end_tells_why(tmp_path: Path) -> None:
    command = TourCommand("--help")
    assert (await command.next_line()).startswith(b"Usage: undercroft")
    assert await command.end() == 0
    refused = TourCommand("--home", str(tmp_path), "status")
    with pytest.raises(EOFError, match="no Undercroft runtime"):
        await refused.next_line()
    assert await refused.end() == 3


async def test_a_command_that_is_stopped_has_ended() -> None:
    command = TourCommand("demo", "--json")
    await command.stop()
    await command.stop()
    assert not is_running(command.pid)


async def test_descendants_are_found_and_seen_to_go() -> None:
    with subprocess.Popen(["sh", "-c", "sleep 1000 & wait"], start_new_session=True) as parent:
        async with asyncio.timeout(10):
            while len(below := descendants(parent.pid)) < 1:
                await asyncio.sleep(0)
        assert below < descendants(os.getpid())
        assert all(is_running(pid) for pid in below)
        os.killpg(parent.pid, 15)
        async with asyncio.timeout(10):
            await all_gone(below)
    assert descendants(parent.pid) == set()


def test_a_process_that_waits_to_be_noted_does_not_run() -> None:
    process = subprocess.Popen(["true"])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert not is_running(process.pid)
    process.wait()
    assert not is_running(process.pid)
    assert is_running(os.getpid())
