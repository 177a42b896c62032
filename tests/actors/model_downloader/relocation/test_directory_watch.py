"""A directory is opened when it can be, and looked at again when that is worth it."""

from __future__ import annotations

import threading
from pathlib import Path

import anyio
import pytest

from actors.model_downloader.relocation import directory_watch
from actors.model_downloader.relocation.directory_watch import DirectoryWatch
from actors.model_downloader.relocation.models_directory import ModelsDirectory
from actors.model_downloader.relocation.served_models import ServedModels
from actors.model_downloader.staging.models_layout import ModelsLayout
from actors.shared.durable.directory_lock import DirectoryLock
from schemas.manifest import FilePromise, ModelEntry
from tests.support.downloader_parts import downloader_parts
from tests.support.scripted_peer import ScriptedPeer

pytestmark = pytest.mark.anyio
FILE = FilePromise(path="f", size_bytes=10, sha256="0" * 64, urls=["https://models.example/f"])
ENTRY = ModelEntry(id="m", name="M", category="stt", licence="MIT", files=[FILE])


class Watched:
    """A chosen directory, watched, and what is known of its one model."""

    def __init__(self, path: Path, tasks: anyio.abc.TaskGroup) -> None:
        layout = ModelsLayout(path)
        parts = downloader_parts(layout, ScriptedPeer(), ENTRY, tasks=tasks)
        self.registry = parts.registry
        self.directory = ModelsDirectory(layout, path / "elsewhere", "an app")
        models = ServedModels(parts.registry, parts.queue, parts.installed, tasks)
        self.watch = DirectoryWatch(self.directory, models)


async def test_directory_that_is_there_and_free_is_ours(tmp_path: Path) -> None:
    async with anyio.create_task_group() as tasks:
        watched = Watched(tmp_path, tasks)
        assert await watched.watch.try_open()
        assert watched.directory.is_ours
        assert not await watched.watch.is_gone()


async def test_missing_directory_is_opened_after_somebody_said_that_it_is_back(tmp_path: Path) -> None:
    async with anyio.create_task_group() as tasks:
        watched = Watched(tmp_path / "drive", tasks)
        assert not await watched.watch.try_open()
        assert "connect its drive" in watched.registry.status("m").problem
        with anyio.move_on_after(0.05) as waiting:
            await watched.watch.until_news()
        assert waiting.cancelled_caught
        (tmp_path / "drive").mkdir()
        watched.watch.look_again()
        await watched.watch.until_news()
        assert await watched.watch.try_open()


async def test_directory_of_another_process_is_listed_and_looked_at_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory_watch, "TAKE_OVER_SECONDS", 0.01)
    async with anyio.create_task_group() as tasks:
        watched = Watched(tmp_path, tasks)
        (tmp_path / "m.partial").mkdir()
        with DirectoryLock(tmp_path, "another app"):
            assert not await watched.watch.try_open()
            assert watched.registry.status("m").state == "partial"
            with anyio.fail_after(5):
                await watched.watch.until_news()
        assert await watched.watch.try_open()


async def test_disk_that_is_silent_is_not_gone_and_is_looked_at_once_it_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = threading.Event()
    real = Path.is_dir

    def is_dir(path: Path) -> bool:
        answered.wait(20)
        return real(path)

    async with anyio.create_task_group() as tasks:
        watched = Watched(tmp_path, tasks)
        assert await watched.watch.try_open()
        monkeypatch.setattr(Path, "is_dir", is_dir)
        monkeypatch.setattr(watched.directory._probe, "_probe_seconds", 0.01)
        assert not await watched.watch.is_gone()
        assert watched.directory.was_silent
        tasks.start_soon(anyio.to_thread.run_sync, answered.set)
        with anyio.fail_after(5):
            await watched.watch.until_news()
        assert not await watched.watch.is_gone()
        assert not watched.directory.was_silent


async def test_drive_that_goes_is_gone(tmp_path: Path) -> None:
    (tmp_path / "drive").mkdir()
    async with anyio.create_task_group() as tasks:
        watched = Watched(tmp_path / "drive", tasks)
        assert await watched.watch.try_open()
        (tmp_path / "drive").rename(tmp_path / "unplugged")
        assert await watched.watch.is_gone()
