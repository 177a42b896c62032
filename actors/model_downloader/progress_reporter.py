"""What others are told of one install: its state, and its progress as it becomes durable."""

from __future__ import annotations

import time

import anyio

from actors.model_downloader.downloader_context import World
from actors.model_downloader.progress_meter import ProgressMeter
from actors.model_downloader.staging.staging_journal import FileState, StagingJournal, StagingState
from schemas.manifest import ModelEntry
from schemas.models import (
    FileProgress,
    ModelDownloadProgressedEvent,
    ModelState,
    ModelStateChangedEvent,
    ModelStatus,
    ProblemKind,
)


class ProgressReporter:
    """Tells of one install. Its journal is known once the wish is durable; until then nothing counts as fetched."""

    def __init__(self, entry: ModelEntry, world: World, staging_directory: str) -> None:
        self._entry = entry
        self._world = world
        self._staging_directory = staging_directory
        self._progress: ProgressMeter | None = None
        self._problem = ""
        self._problem_kind: ProblemKind = ""
        self.book: StagingJournal | None = None
        self.state: ModelState = "queued"

    @property
    def status(self) -> ModelStatus:
        """Where the model stands now."""
        durable = self.book.saved.durable_bytes if self.book else 0
        return self._world.describe(
            status_of(self._entry, self.state, durable, self._problem, self._problem_kind)
        )

    async def enter(self, state: ModelState, problem: str = "", kind: ProblemKind = "") -> None:
        """Be in another state, and say so."""
        self.state, self._problem, self._problem_kind = state, problem, kind
        await self.tell_state()

    async def wait_for_holders(self, holders: list[str]) -> None:
        """Say that the verified revision waits for those who hold the one that is active."""
        await self.enter(
            "verifying",
            f"{self._entry.id}: verified; waits to become active, held by {', '.join(holders)}",
            "held",
        )

    async def tell_state(self) -> None:
        """Say which state it is in."""
        with anyio.CancelScope(shield=True):
            await self._world.publish(ModelStateChangedEvent(model_id=self._entry.id, status=self.status))

    async def tell_progress(self, last: bool = False) -> None:
        """Tell how much is durable, if it is due; `last`: also if it is not, unless nothing is new."""
        journal, now = self._journal, time.monotonic()
        if (
            self._progress is None or journal.durable_bytes < self._progress.durable_bytes
        ):  # another attempt threw bytes away
            self._progress = ProgressMeter(journal.durable_bytes, self._entry.size_bytes, now)
        progress = self._progress
        if not progress.due(journal.durable_bytes, now) and not (
            last and journal.durable_bytes > progress.durable_bytes
        ):
            return
        event = ModelDownloadProgressedEvent(
            model_id=self._entry.id,
            name=self._entry.name,
            attempt=journal.attempt,
            durable_bytes=journal.durable_bytes,
            size_bytes=self._entry.size_bytes,
            rate_bytes_per_second=progress.rate_bytes_per_second,
            seconds_left=progress.seconds_left,
            staging_directory=self._staging_directory,
            files=[_progress_of(file) for file in journal.files],
        )
        await self._world.publish(event)

    @property
    def _journal(self) -> StagingState:
        assert self.book is not None, "the wish is made durable first"
        return self.book.saved


def _progress_of(file: FileState) -> FileProgress:
    return FileProgress(
        path=file.path,
        durable_bytes=file.durable_bytes,
        size_bytes=file.size_bytes,
        prefix_bytes=file.prefix_bytes,
    )


def status_of(
    entry: ModelEntry, state: ModelState, durable_bytes: int, problem: str = "", kind: ProblemKind = ""
) -> ModelStatus:
    """Status of a model of the manifest."""
    return ModelStatus(
        model_id=entry.id,
        name=entry.name,
        category=entry.category,
        licence=entry.licence,
        state=state,
        size_bytes=entry.size_bytes,
        durable_bytes=entry.size_bytes if state == "installed" else durable_bytes,
        problem=problem,
        problem_kind=kind,
    )
