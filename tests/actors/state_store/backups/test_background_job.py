"""Long work: its progress is told, its outcome comes back, and nobody waits for it at the end."""

from __future__ import annotations

import threading
from pathlib import Path

import anyio
import pytest

from actors.state_store.backups import background_job
from actors.state_store.backups.background_job import Labour
from actors.state_store.backups.backup_pack import Progress
from actors.state_store.backups.errors import PlaceSilent
from schemas.backups import BackupProgressedEvent
from schemas.event import Event

pytestmark = pytest.mark.anyio


async def test_progress_is_told_while_it_goes_on_and_not_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background_job, "PROGRESS_SECONDS", 0.0)
    told: list[BackupProgressedEvent] = []
    heard = threading.Event()

    async def publish(event: Event) -> None:
        assert isinstance(event, BackupProgressedEvent)
        told.append(event)
        if event.done == 3:
            heard.set()

    def work(progress: Progress) -> str:
        progress(1)
        progress(2)
        assert heard.wait(10)
        return "made"

    async with anyio.create_task_group() as tasks:
        found = Labour(tmp_path, 30)
        found.open(publish, tasks)
        assert await found.do(work, "create", 7) == "made"
    assert (told[-1].doing, told[-1].done, told[-1].total) == ("create", 3, 7)


async def test_what_the_work_raises_is_raised(tmp_path: Path) -> None:
    def fail(progress: Progress) -> None:
        raise FileNotFoundError("gone")

    with pytest.raises(FileNotFoundError):
        await Labour(tmp_path, 30).do(fail)


async def test_at_the_end_nothing_is_waited_for(tmp_path: Path) -> None:
    hang = threading.Event()
    found = Labour(tmp_path, 3600)
    found.end()
    with pytest.raises(PlaceSilent):
        await found.do(lambda progress: hang.wait())
    hang.set()
