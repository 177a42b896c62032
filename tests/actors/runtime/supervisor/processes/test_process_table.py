"""Orders become processes, and what they do becomes happenings."""

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
    Happening,
    Started,
    StartFailed,
)
from actors.runtime.supervisor.processes.process_table import Processes, Reports

RUNTIME = Path("/nowhere/runtime.json")
pytestmark = [pytest.mark.anyio, pytest.mark.skipif(os.name != "posix", reason="sends signals")]


class Record:
    """What was reported, in order."""

    def __init__(self) -> None:
        self.happenings: asyncio.Queue[Happening] = asyncio.Queue()
        self.lines: list[tuple[str, list[str]]] = []
        self.finished: list[str] = []

    def reports(self) -> Reports:
        return Reports(
            happened=self.happenings.put_nowait,
            ready=lambda name, details: None,
            lines=lambda name, texts: self.lines.append((name, texts)),
            finished=lambda name, at: self.finished.append(name),
        )


def _child(program: str) -> ChildSpec:
    return ChildSpec(name="child", command=(sys.executable, "-c", program), ready="started")


async def test_a_process_is_reported_from_its_start_to_its_end_with_its_last_lines() -> None:
    record = Record()
    processes = Processes(record.reports(), RUNTIME, "spawn", None, [])
    processes.start(_child("print('last words'); raise SystemExit(3)"), None)
    started = await record.happenings.get()
    assert isinstance(started, Started)
    assert await record.happenings.get() == Exited("child", started.pid, ExitStatus(code=3))
    assert record.lines == [("child", ["last words"])]
    assert record.finished == ["child"]
    processes.close()


async def test_what_is_killed_is_reported_with_the_signal() -> None:
    record = Record()
    processes = Processes(record.reports(), RUNTIME, "spawn", None, [])
    processes.start(_child("input()"), None)
    started = await record.happenings.get()
    assert isinstance(started, Started)
    processes.kill_all()
    assert await record.happenings.get() == Exited("child", started.pid, ExitStatus(signal=9))
    processes.close()


async def test_a_program_that_is_not_there_is_a_failed_start() -> None:
    record = Record()
    processes = Processes(record.reports(), RUNTIME, "spawn", None, [])
    processes.start(ChildSpec(name="child", command=("no-such-program-xyz",), ready="started"), None)
    failed = await record.happenings.get()
    assert isinstance(failed, StartFailed)
    assert "no-such-program-xyz: cannot be run" in failed.reason
    processes.close()


async def test_a_command_is_told_where_the_bus_is() -> None:
    record = Record()
    processes = Processes(record.reports(), RUNTIME, "spawn", None, [])
    processes.start(_child("import os; print(os.environ['UNDERCROFT_RUNTIME'])"), None)
    assert isinstance(await record.happenings.get(), Started)
    assert isinstance(await record.happenings.get(), Exited)
    assert record.lines == [("child", [str(RUNTIME)])]
    processes.close()
