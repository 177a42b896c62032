"""What is told of an install: its state at once, its progress as it becomes durable, and both shares of every file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from actors.model_downloader.downloader_context import World
from actors.model_downloader.progress_reporter import ProgressReporter, status_of
from actors.model_downloader.staging.staging_journal import StagingJournal, reconcile
from schemas.event import Event
from schemas.manifest import FilePromise, ModelEntry
from schemas.models import FilesVerifiedEvent, FilesVerifyRequestEvent

pytestmark = pytest.mark.anyio
FILES = [
    FilePromise(path=path, size_bytes=100, sha256="0" * 64, urls=["https://models.example/f"])
    for path in ("a", "b")
]
ENTRY = ModelEntry(id="m", name="M", category="stt", licence="MIT", files=FILES)


class Listener:
    """A telling, and what was heard of it."""

    def __init__(self, directory: Path) -> None:
        self.heard: list[Any] = []
        self.telling = ProgressReporter(
            ENTRY, World(publish=self.publish, verify=self.verify), "/models/m.partial"
        )
        self.book = self.telling.book = StagingJournal(directory, reconcile(ENTRY, None))

    async def publish(self, event: Event) -> None:
        self.heard.append(event)

    async def verify(self, request: FilesVerifyRequestEvent) -> FilesVerifiedEvent:
        raise AssertionError("nobody asks")


async def test_state_is_told_with_its_problem_and_its_kind(tmp_path: Path) -> None:
    listener = Listener(tmp_path)
    await listener.telling.enter("failed", "the disk is full", "space")
    status = listener.heard[0].status
    assert (status.state, status.problem, status.problem_kind, status.size_bytes) == (
        "failed",
        "the disk is full",
        "space",
        200,
    )


async def test_progress_tells_what_is_durable_and_how_much_of_it_is_without_a_gap(tmp_path: Path) -> None:
    listener = Listener(tmp_path)
    listener.book.keep("a", ((0, 10), (50, 90)))
    listener.book.keep("b", ((0, 20),))
    listener.book.save()
    await listener.telling.tell_progress()
    event = listener.heard[0]
    assert (event.durable_bytes, event.size_bytes, event.staging_directory) == (70, 200, "/models/m.partial")
    assert [(file.durable_bytes, file.prefix_bytes) for file in event.files] == [(50, 10), (20, 20)]


async def test_nothing_new_is_not_told_again_and_the_last_is_told_even_if_it_is_early(tmp_path: Path) -> None:
    listener = Listener(tmp_path)
    listener.book.keep("a", ((0, 10),))
    listener.book.save()
    await listener.telling.tell_progress()
    await listener.telling.tell_progress(last=True)
    assert len(listener.heard) == 1
    listener.book.keep("a", ((0, 100),))
    await listener.telling.tell_progress(last=True)
    assert len(listener.heard) == 1, "only what the journal has on disk is told"
    listener.book.save()
    await listener.telling.tell_progress(last=True)
    assert [event.durable_bytes for event in listener.heard] == [10, 100]


def test_installed_model_has_all_of_its_bytes() -> None:
    assert status_of(ENTRY, "installed", 0).durable_bytes == 200
    assert status_of(ENTRY, "partial", 7).durable_bytes == 7
