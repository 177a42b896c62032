"""Whatever lies in the place of a log file or of their directory, logs are written and diagnostics serves."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from actors.diagnostics import build
from actors.diagnostics.logs.log_files import NAME, ROTATED_FILES, LogFiles
from actors.shared.sdk.running_actor import RunningActor, run_actor
from bus.broker.memory_bus import memory_bus
from schemas.config import SettingsChangedEvent
from schemas.operations.logs import LogRecord, LogRecordedEvent, LogRingRequestEvent
from tests.support.profiles import write_profile
from tests.support.strange_files import DIRECTORY_MUTATIONS, FILE_MUTATIONS, Mutation, bounded_memory

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]
MUTATIONS = [one for one in FILE_MUTATIONS if one.name != "unreadable" or os.geteuid()]


@asynccontextmanager
async def logging(home: Path) -> AsyncIterator[RunningActor[Any]]:
    """Diagnostics as its `build` makes it, of a person who asked for log files."""
    profile = write_profile(home.parent / "profile")
    told = SettingsChangedEvent(
        changed={}, settings={"diagnostics": {"file_logs": True}}, revision=1, reason="start"
    )
    async with memory_bus() as bus, bus.connect("config_store") as store:
        await store.publish(told)
        with bounded_memory():
            async with run_actor(build, home, profile=profile, name="diagnostics", bus=bus) as running:
                yield running


def record(number: int, size: int = 10) -> LogRecord:
    return LogRecord(actor="app", at=float(number), level="info", logger="l", message="x" * size)


async def expect_a_line(home: Path) -> None:
    """Two lives write a record, and have it in memory; nothing is wrong."""
    for number in range(2):
        async with logging(home) as running:
            await running.publish(LogRecordedEvent(records=[record(number)]))
            ring = await running.request(LogRingRequestEvent())
            assert float(number) in [one.at for one in ring.records]
            assert [alert.message for alert in running.actor.alerts.active()] == []
    assert (home / "logs" / NAME).read_bytes().rstrip().endswith(b"}")


@pytest.mark.requirement("S0-4", "S0-15")
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda one: one.name)
async def test_something_else_in_the_place_of_the_log_file(mutation: Mutation, tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "logs").mkdir(parents=True, mode=0o700)
    (home / "logs" / NAME).write_text('{"at":1.0}\n')
    trace = mutation.leave(home / "logs" / NAME)
    await expect_a_line(home)
    assert trace.is_kept(home)


@pytest.mark.requirement("S0-4", "S0-15")
@pytest.mark.parametrize("mutation", DIRECTORY_MUTATIONS, ids=lambda one: one.name)
async def test_something_else_in_the_place_of_the_directory_of_logs(
    mutation: Mutation, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    (home / "logs").mkdir(parents=True, mode=0o700)
    trace = mutation.leave(home / "logs")
    await expect_a_line(home)
    assert trace.is_kept(home)


@pytest.mark.requirement("S0-4", "S0-15")
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda one: one.name)
def test_something_else_under_the_names_of_former_files_keeps_no_file_from_its_turn(
    mutation: Mutation, tmp_path: Path
) -> None:
    logs = LogFiles(tmp_path / "logs", limit_bytes=1000)
    logs.write([record(0)])
    traces = [mutation.leave(tmp_path / "logs" / f"{NAME}.{number + 1}") for number in range(ROTATED_FILES)]
    for number in range(3 * ROTATED_FILES):
        logs.write([record(number, size=400)])
    sizes = {
        path.name: path.stat().st_size for path in (tmp_path / "logs").glob(f"{NAME}*") if path.is_file()
    }
    assert all(sizes[name] < 2000 for name in (NAME, *(f"{NAME}.{n + 1}" for n in range(ROTATED_FILES))))
    assert (
        mutation.is_content
        or mutation.name == "huge and sparse"
        or all(trace.is_kept(tmp_path) for trace in traces)
    ), "files rotate, whatever they hold"
