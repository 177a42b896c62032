"""Long work in a thread: waited for while it goes on, with its progress told."""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, Literal, TypeVar

import anyio
import anyio.abc
import anyio.to_thread

from actors.state_store.backups.backup_pack import Progress
from actors.state_store.watchdog import patiently
from schemas.backups import BackupProgressedEvent
from schemas.event import Event

PROGRESS_SECONDS: Final = 0.25
Doing = Literal["create", "verify", "restore", "check"]
FoundT = TypeVar("FoundT")


class Labour:
    """Works on one place.

    Attributes:
        is_ending: nothing is waited for any more.
    """

    def __init__(self, place: Path, patience_seconds: float) -> None:
        """Args: patience_seconds: for so long the place may be silent."""
        self._place = place
        self._patience_seconds = patience_seconds
        self.is_ending = False

    def open(self, publish: Callable[[Event], Awaitable[None]], tasks: anyio.abc.TaskGroup) -> None:
        """Know whom to tell."""
        self._publish, self._tasks = publish, tasks

    def end(self) -> None:
        """Wait for nothing any more; work that is under way ends at its next step."""
        self.is_ending = True

    async def do(
        self,
        work: Callable[[Progress], FoundT],
        doing: Doing | None = None,
        total: int = 0,
        within_seconds: float = math.inf,
    ) -> FoundT:
        """Do some work; how it goes on is told as `doing`, if that is given, in steps of which there are about `total`.

        Raises:
            PlaceSilent: nothing came for too long, it is not done within the time, or everything is ending.
            whatever the work raises.
        """
        done = [0]
        end = time.monotonic() + within_seconds

        def watched(beat: Callable[[], None]) -> FoundT:
            def progress(count: int) -> None:
                done[0] += count
                beat()

            return work(progress)

        scope = anyio.CancelScope()
        if doing is not None:
            self._tasks.start_soon(self._tell, scope, doing, done, total)
        try:
            return await anyio.to_thread.run_sync(
                lambda: patiently(
                    self._place,
                    watched,
                    self._patience_seconds,
                    lambda: self.is_ending or time.monotonic() >= end,
                ),
                abandon_on_cancel=True,
            )
        finally:
            scope.cancel()

    async def _tell(self, scope: anyio.CancelScope, doing: Doing, done: list[int], total: int) -> None:
        with scope:
            while True:
                await anyio.sleep(PROGRESS_SECONDS)
                await self._publish(BackupProgressedEvent(doing=doing, done=done[0], total=total))
