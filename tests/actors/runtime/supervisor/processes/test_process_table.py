"""Orders become processes, and what they do becomes events, in order."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from actors.runtime.supervisor.core.child_spec import ChildSpec
from actors.runtime.supervisor.core.supervision_events import (
    Exited,
    ExitStatus,
    Started,
    StartFailed,
)
from actors.runtime.supervisor.processes.process_table import LinesWritten, ProcessEvent, ProcessTable

RUNTIME = Path("/nowhere/runtime.json")
pytestmark = [pytest.mark.anyio, pytest.mark.skipif(os.name != "posix", reason="sends signals")]


def _child(program: str) -> ChildSpec:
    return ChildSpec(name="child", command=(sys.executable, "-c", program), ready="started")


async def test_a_process_is_reported_from_its_start_to_its_end_with_its_last_lines() -> None:
    events: asyncio.Queue[ProcessEvent] = asyncio.Queue()
    processes = ProcessTable(events.put_nowait, RUNTIME, "spawn", None, [])
    processes.start(_child("print('last words'); raise SystemExit(3)"), None, {})
    started = await events.get()
    assert isinstance(started, Started)
    assert await events.get() == LinesWritten("child", ["last words"])
    assert await events.get() == Exited("child", started.pid, ExitStatus(code=3))
    processes.close()


async def test_what_is_killed_is_reported_with_the_signal() -> None:
    events: asyncio.Queue[ProcessEvent] = asyncio.Queue()
    processes = ProcessTable(events.put_nowait, RUNTIME, "spawn", None, [])
    processes.start(_child("input()"), None, {})
    started = await events.get()
    assert isinstance(started, Started)
    processes.kill_all()
    assert await events.get() == Exited("child", started.pid, ExitStatus(signal=9))
    processes.close()


async def test_a_program_that_is_not_there_is_a_failed_start() -> None:
    events: asyncio.Queue[ProcessEvent] = asyncio.Queue()
    processes = ProcessTable(events.put_nowait, RUNTIME, "spawn", None, [])
    processes.start(ChildSpec(name="child", command=("no-such-program-xyz",), ready="started"), None, {})
    failed = await events.get()
    assert isinstance(failed, StartFailed)
    assert "no-such-program-xyz: cannot be run" in failed.reason
    processes.close()


async def test_a_command_is_told_where_the_bus_is() -> None:
    events: asyncio.Queue[ProcessEvent] = asyncio.Queue()
    processes = ProcessTable(events.put_nowait, RUNTIME, "spawn", None, [])
    processes.start(_child("import os; print(os.environ['UNDERCROFT_RUNTIME'])"), None, {})
    assert isinstance(await events.get(), Started)
    assert await events.get() == LinesWritten("child", [str(RUNTIME)])
    assert isinstance(await events.get(), Exited)
    processes.close()
