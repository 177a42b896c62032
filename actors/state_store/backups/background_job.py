"""Long work in a thread, watched by a watchdog, with its progress published."""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, Literal, TypeVar

import anyio
import anyio.abc
import anyio.to_thread

from actors.state_store.backups.format.backup_pack import PackProgress
from actors.state_store.watchdog import Watchdog
from schemas.backups import BackupProgressedEvent
from schemas.event import Event

PROGRESS_SECONDS: Final = 0.25
JobKind = Literal["create", "verify", "restore", "check"]
FoundT = TypeVar("FoundT")


class BackgroundJob:
    """Runs the jobs of one disk.

    Attributes:
        is_ending: jobs are no longer waited for.
    """

    def __init__(
        self,
        path: Path,
        silence_limit_seconds: float,
        publish: Callable[[Event], Awaitable[None]],
        tasks: anyio.abc.TaskGroup,
    ) -> None:
        """Nothing runs yet.

        Args:
            path: a directory on the disk.
            silence_limit_seconds: how long the disk may be silent.
            publish: publishes the progress.
            tasks: runs the task that publishes it.
        """
        self._path = path
        self._silence_limit_seconds = silence_limit_seconds
        self._publish = publish
        self._tasks = tasks
        self.is_ending = False

    def end(self) -> None:
        """Stop waiting for jobs. A job that runs ends at its next step."""
        self.is_ending = True

    async def run(
        self,
        work: Callable[[PackProgress], FoundT],
        kind: JobKind | None = None,
        total: int = 0,
        within_seconds: float = math.inf,
    ) -> FoundT:
        """Run work in a thread; its exceptions are raised here.

        Args:
            work: is handed a function that it calls after each document.
            kind: how the progress is published; None publishes none.
            total: about how many documents there are.
            within_seconds: limit for the whole job.

        Raises:
            DiskSilent: the disk was silent for too long, the time is over, or everything is ending.
        """
        done = [0]
        end = time.monotonic() + within_seconds

        def watched(beat: Callable[[], None]) -> FoundT:
            def progress(count: int) -> None:
                done[0] += count
                beat()

            return work(progress)

        def is_ending() -> bool:
            return self.is_ending or time.monotonic() >= end

        scope = anyio.CancelScope()
        if kind is not None:
            self._tasks.start_soon(self._publish_progress, scope, kind, done, total)
        watchdog = Watchdog(self._path, self._silence_limit_seconds, is_ending)
        try:
            return await anyio.to_thread.run_sync(lambda: watchdog.run(watched), abandon_on_cancel=True)
        finally:
            scope.cancel()

    async def _publish_progress(
        self, scope: anyio.CancelScope, kind: JobKind, done: list[int], total: int
    ) -> None:
        with scope:
            while True:
                await anyio.sleep(PROGRESS_SECONDS)
                await self._publish(BackupProgressedEvent(doing=kind, done=done[0], total=total))
