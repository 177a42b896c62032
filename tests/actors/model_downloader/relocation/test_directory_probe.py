"""A disk that does not answer costs one thread and a deadline, and never the event loop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from actors.model_downloader.relocation.directory_probe import DirectoryProbe

pytestmark = pytest.mark.anyio


class DeadDisk:
    """Answers no look before `answer` is set; counts the looks."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, look: Callable[[Path], bool] | None = None) -> None:
        self.answer, self.looks = threading.Event(), 0
        self._look = look or (lambda path: True)
        monkeypatch.setattr(Path, "is_dir", lambda path: self.is_dir(path))

    def is_dir(self, path: Path) -> bool:
        self.looks += 1
        self.answer.wait(20)
        return self._look(path)


async def test_directory_is_there_or_missing(tmp_path: Path) -> None:
    probe = DirectoryProbe()
    assert await probe.presence(tmp_path) == "there"
    assert await probe.presence(tmp_path / "absent") == "missing"
    (tmp_path / "absent").mkdir()
    assert await probe.presence(tmp_path / "absent") == "there"


async def test_disk_that_does_not_answer_is_silent_and_asked_once_until_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, probe = DeadDisk(monkeypatch), DirectoryProbe(probe_seconds=0.05)
    began = anyio.current_time()
    assert await probe.presence(tmp_path) == "silent"
    assert anyio.current_time() - began >= 0.04
    with anyio.fail_after(5):
        for _ in range(100):
            assert await probe.presence(tmp_path) == "silent"
    assert disk.looks == 1
    disk.answer.set()
    await probe.until_answered()
    assert await probe.presence(tmp_path) == "there"
    assert disk.looks == 2


async def test_looks_that_come_together_share_one_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, probe, found = DeadDisk(monkeypatch), DirectoryProbe(probe_seconds=20), list[str]()

    async def look() -> None:
        found.append(await probe.presence(tmp_path))

    async with anyio.create_task_group() as group:
        for _ in range(10):
            group.start_soon(look)
        await anyio.sleep(0.01)
        disk.answer.set()
    assert found == ["there"] * 10
    assert disk.looks == 1


async def test_disk_that_fails_has_no_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: Path) -> bool:
        raise OSError(107, "Transport endpoint is not connected")

    DeadDisk(monkeypatch, fail).answer.set()
    assert await DirectoryProbe().presence(tmp_path) == "missing"


async def test_nothing_is_waited_for_before_the_first_look() -> None:
    await DirectoryProbe().until_answered()
