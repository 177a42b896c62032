"""A job publishes its progress, returns its outcome, and is given up at the end."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import anyio
import pytest

from actors.state_store.backups import background_job
from actors.state_store.backups.background_job import BackgroundJob
from actors.state_store.backups.format.backup_pack import PackProgress
from actors.state_store.watchdog import DiskSilent
from schemas.backups import BackupProgressedEvent
from schemas.event import Event

pytestmark = pytest.mark.anyio


def quiet_job(root: Path) -> BackgroundJob:
    """A job whose progress nobody publishes."""
    nobody: Any = None
    return BackgroundJob(root, 3600, nobody, nobody)


async def test_progress_is_published_while_the_job_runs_and_not_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background_job, "PROGRESS_SECONDS", 0.0)
    published: list[BackupProgressedEvent] = []
    heard = threading.Event()

    async def publish(event: Event) -> None:
        assert isinstance(event, BackupProgressedEvent)
        published.append(event)
        if event.done == 3:
            heard.set()

    def work(progress: PackProgress) -> str:
        progress(1)
        progress(2)
        assert heard.wait(10)
        return "made"

    async with anyio.create_task_group() as tasks:
        job = BackgroundJob(tmp_path, 30, publish, tasks)
        assert await job.run(work, "create", 7) == "made"
    assert (published[-1].doing, published[-1].done, published[-1].total) == ("create", 3, 7)


async def test_what_the_work_raises_is_raised(tmp_path: Path) -> None:
    def fail(progress: PackProgress) -> None:
        raise FileNotFoundError("gone")

    with pytest.raises(FileNotFoundError):
        await quiet_job(tmp_path).run(fail)


async def test_at_the_end_nothing_is_waited_for(tmp_path: Path) -> None:
    hang = threading.Event()
    job = quiet_job(tmp_path)
    job.end()
    with pytest.raises(DiskSilent):
        await job.run(lambda progress: hang.wait())
    hang.set()
