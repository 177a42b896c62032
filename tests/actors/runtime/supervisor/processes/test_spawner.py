"""Fresh interpreters and programs, without a fork server."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from actors.runtime.supervisor.core.supervision_events import ExitStatus
from actors.runtime.supervisor.processes.spawner import (
    ChildPipes,
    SpawnHandlers,
    SpawnOrder,
    SubprocessSpawner,
)

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(os.name != "posix", reason="sends signals")]


async def test_an_order_is_answered_after_spawn_returned_and_its_end_is_told(tmp_path: Path) -> None:
    told: asyncio.Queue[tuple[object, ...]] = asyncio.Queue()
    handlers = SpawnHandlers(
        lambda *found: told.put_nowait(found),
        lambda *found: told.put_nowait(found),
        lambda *found: told.put_nowait(found),
    )
    spawner = SubprocessSpawner(handlers)
    program = (
        "import os, sys; "
        "os.write(1, f'{os.environ[\"X\"]} {os.getpgid(0) == os.getpid()} {os.getcwd()}'.encode()); "
        "sys.stdin.read()"
    )
    pipes = spawner.spawn(
        SpawnOrder(
            ticket=7,
            name="a",
            command=(sys.executable, "-c", program),
            environment={"X": "y"},
            directory=str(tmp_path),
        )
    )
    assert isinstance(pipes, ChildPipes)
    assert told.empty()
    ticket, pid = await told.get()
    assert ticket == 7
    assert isinstance(pid, int)
    assert await asyncio.to_thread(os.read, pipes.log, 100) == f"y True {tmp_path}".encode()
    spawner.send(pid, signal.SIGTERM)
    assert await told.get() == (pid, ExitStatus(signal=int(signal.SIGTERM)))
    spawner.send(pid, signal.SIGTERM)  # harmless
    pipes.close()
