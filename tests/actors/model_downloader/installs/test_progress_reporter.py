"""Progress is published as bytes become durable, with what each file has and has without a gap."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from actors.model_downloader.installs.progress_reporter import ProgressReporter
from actors.model_downloader.staging.staging_journal import StagingJournal, reconcile
from schemas.event import Event
from schemas.manifest import FilePromise, ModelEntry

pytestmark = pytest.mark.anyio
FILES = [
    FilePromise(path=path, size_bytes=100, sha256="0" * 64, urls=["https://models.example/f"])
    for path in ("a", "b")
]
ENTRY = ModelEntry(id="m", name="M", category="stt", licence="MIT", files=FILES)


class Listener:
    """A reporter, and what it published."""

    def __init__(self, directory: Path) -> None:
        self.heard: list[Any] = []
        self.journal = StagingJournal(directory, reconcile(ENTRY, None))
        self.reporter = ProgressReporter(ENTRY, self.publish, "/models/m.partial", self.journal)

    async def publish(self, event: Event) -> None:
        self.heard.append(event)


async def test_progress_says_what_is_durable_and_how_much_of_it_is_without_a_gap(tmp_path: Path) -> None:
    listener = Listener(tmp_path)
    listener.journal.keep("a", ((0, 10), (50, 90)))
    listener.journal.keep("b", ((0, 20),))
    listener.journal.save()
    await listener.reporter.publish_progress(False)
    event = listener.heard[0]
    assert (event.durable_bytes, event.size_bytes, event.staging_directory) == (70, 200, "/models/m.partial")
    assert [(file.durable_bytes, file.prefix_bytes) for file in event.files] == [(50, 10), (20, 20)]


async def test_nothing_new_is_not_published_again_and_the_last_is_published_even_if_it_is_early(
    tmp_path: Path,
) -> None:
    listener = Listener(tmp_path)
    listener.journal.keep("a", ((0, 10),))
    listener.journal.save()
    await listener.reporter.publish_progress(False)
    await listener.reporter.publish_progress(True)
    assert len(listener.heard) == 1
    listener.journal.keep("a", ((0, 100),))
    await listener.reporter.publish_progress(True)
    assert len(listener.heard) == 1, "only what the journal has on disk is told"
    listener.journal.save()
    await listener.reporter.publish_progress(True)
    assert [event.durable_bytes for event in listener.heard] == [10, 100]
