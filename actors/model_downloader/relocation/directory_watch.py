"""Opens the directory of the models when it can be opened, and knows when it is worth looking again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

import anyio

from actors.model_downloader.relocation.models_directory import ModelsDirectory
from actors.model_downloader.relocation.served_models import ServedModels
from actors.shared.durable.directory_lock import DirectoryLocked
from actors.shared.places.shared_root import SharedRoot

TAKE_OVER_SECONDS: Final = 1.0
"""Pause between two looks at a directory that another process owns, or that cannot be used."""


class DirectoryWatch:
    """Looks after one directory of models; the caller decides when, and what an open directory means."""

    def __init__(self, directory: ModelsDirectory, models: ServedModels) -> None:
        self._directory = directory
        self._models = models
        self._news = anyio.Event()

    def look_again(self) -> None:
        """Let `until_news` return: a drive came or went."""
        self._news.set()

    async def try_open(self) -> bool:
        """Own the directory if it is there and free. Returns whether it is ours; if not, everybody sees why.

        A chosen directory that is missing is never created. The models of one that another process owns are
        published as they lie there.
        """
        if problem := await self._directory.problem():
            await self._models.lost(problem)
            return False
        try:
            await self._directory.take()
        except DirectoryLocked:
            await self._models.announce_changes()
            return False
        except (OSError, SharedRoot):
            await self._models.lost(self._directory.refusal)
            return False
        return True

    async def is_gone(self) -> bool:
        """Whether a directory that was ours is not there any more. One whose disk is silent is not gone."""
        return bool(await self._directory.problem()) and not self._directory.was_silent

    async def until_news(self) -> None:
        """Wait until it is worth looking again.

        That is when `look_again` was called, when a silent disk answered, or when another process may have
        given the directory back, or a person may have mended it.
        """
        async with anyio.create_task_group() as waits:

            async def end_after(wait: Callable[[], Awaitable[object]]) -> None:
                await wait()
                waits.cancel_scope.cancel()

            waits.start_soon(end_after, self._news.wait)
            if self._directory.was_silent:
                waits.start_soon(end_after, self._directory.until_answered)
            if self._directory.locked_by is not None or self._directory.refusal:
                waits.start_soon(end_after, partial(anyio.sleep, TAKE_OVER_SECONDS))
        self._news = anyio.Event()
