"""Takes wishes for models and carries them out, a few at once, until each is done or withdrawn."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import anyio
import anyio.abc
import anyio.to_thread

from actors.model_downloader.installs.install import Install
from actors.model_downloader.installs.install_context import InstallContext
from actors.shared.durable.durable_write import DurableWriteFailed
from bus.error_words import in_words
from bus.errors import Refused
from schemas.manifest import ModelEntry
from schemas.models import (
    ModelCancelledEvent,
    ModelInstallAcceptedEvent,
    ModelPausedEvent,
    ModelResumedEvent,
)


class InstallQueue:
    """All installs of one downloader."""

    def __init__(self, context: InstallContext, tasks: anyio.abc.TaskGroup) -> None:
        self._context = context
        self._registry = context.registry
        self._tasks = tasks
        self._running: dict[str, Install] = {}
        self._turns: dict[str, anyio.Lock] = defaultdict(anyio.Lock)

    def turn(self, model_id: str) -> anyio.Lock:
        """The lock of a model, held while what is staged of it is made, dropped or taken over."""
        return self._turns[model_id]

    async def take_up(self, entries: Iterable[ModelEntry]) -> None:
        """Continue the accepted installs among these models, and publish where the others stand.

        What lies on disk of them has been looked at.
        """
        async with anyio.create_task_group() as announcing:  # together, so that they leave as one message
            for entry in list(entries):
                async with self.turn(entry.id):
                    if self._registry.is_installing(entry.id):
                        continue
                    is_wanted = self._registry.on_disk(entry.id).is_wanted
                    if is_wanted and not self._registry.is_licence_due(entry) and await self._continue(entry):
                        continue
                announcing.start_soon(self._registry.announce, entry.id)

    async def install(self, entry: ModelEntry) -> ModelInstallAcceptedEvent:
        """Take a wish; on return it is durable. A paused install goes on.

        Raises:
            Refused: it could not be made durable, or a licence has to be accepted first.
        """
        async with self.turn(entry.id):
            await self._registry.look(entry.id)
            return await self.install_in_turn(entry)

    async def install_in_turn(self, entry: ModelEntry) -> ModelInstallAcceptedEvent:
        """As `install`, for a caller that has the model's turn, and has had the registry look at it.

        Raises:
            Refused: as there.
        """
        is_up_to_date = self._registry.is_up_to_date(entry)
        if self._registry.is_licence_due(entry) and not is_up_to_date:
            where = f" at {entry.licence_url}" if entry.licence_url else ""
            raise Refused(
                f"{entry.id}: its licence ({entry.licence}) has to be accepted first; "
                f"read it{where}, then run 'undercroft models accept {entry.id}'"
            )
        if not is_up_to_date and not self._registry.is_installing(entry.id):
            try:
                await self._start(entry)
            except (OSError, DurableWriteFailed) as error:
                raise Refused(f"{entry.id}: the wish could not be made durable: {in_words(error)}") from error
        return ModelInstallAcceptedEvent(status=self._registry.status(entry.id))

    async def cancel(self, entry: ModelEntry, drop_partial: bool) -> ModelCancelledEvent:
        """Withdraw a wish; the partial is kept unless it is to be dropped.

        Raises:
            Refused: that could not be made durable.
        """
        async with self.turn(entry.id):
            try:
                await self.stop(entry, forget=not drop_partial)
                if drop_partial:
                    await anyio.to_thread.run_sync(self._context.layout.drop_staging, entry.id)
            except (OSError, DurableWriteFailed) as error:
                raise _not_for_good(entry, error) from error
            if drop_partial:
                await self._registry.refresh(entry.id)
            return ModelCancelledEvent(status=self._registry.status(entry.id))

    async def pause(self, entry: ModelEntry) -> ModelPausedEvent:
        """Let an install rest until it is resumed; on return that is durable.

        Raises:
            Refused: there is nothing to pause, or it could not be made durable.
        """
        async with self.turn(entry.id):
            await self._registry.look(entry.id)
            if self._registry.status(entry.id).state != "paused":
                install = self._running.get(entry.id)
                if install is None or not self._registry.is_installing(entry.id):
                    raise Refused(f"{entry.id}: no install is under way that could be paused")
                try:
                    await install.pause()
                except (OSError, DurableWriteFailed) as error:
                    raise _not_for_good(entry, error) from error
            return ModelPausedEvent(status=self._registry.status(entry.id))

    async def resume(self, entry: ModelEntry) -> ModelResumedEvent:
        """Let a paused install go on; on return that is durable. One that is under way is left as it is.

        Raises:
            Refused: nothing is paused, or it could not be made durable.
        """
        async with self.turn(entry.id):
            await self._registry.look(entry.id)
            is_paused = self._registry.status(entry.id).state == "paused"
            if not is_paused and not self._registry.is_installing(entry.id):
                raise Refused(
                    f"{entry.id}: nothing is paused; run 'undercroft models install {entry.id}' to fetch it"
                )
            accepted = await self.install_in_turn(entry)
            return ModelResumedEvent(status=accepted.status)

    async def stop(self, entry: ModelEntry, *, forget: bool) -> None:
        """End an install and wait until it writes no more, for a caller that has the model's turn.

        Args:
            entry: the model.
            forget: it does not continue at the next start either.

        Raises:
            OSError, DurableWriteFailed: that could not be made durable.
        """
        if install := self._running.get(entry.id):
            await install.stop(forget=forget)
        elif forget:
            await anyio.to_thread.run_sync(self._withdraw, entry)
            await self._registry.refresh(entry.id)

    async def stop_all(self) -> None:
        """End the installs that run, at a durable byte; they continue at the next start."""
        for install in list(self._running.values()):
            await install.stop(forget=False)

    def _withdraw(self, entry: ModelEntry) -> None:
        """Note that an install that does not run is not wanted any more. Blocks."""
        if self._context.layout.staging(entry.id).is_dir():
            journal = self._context.layout.open_staging(entry)
            journal.change(wanted=False, paused=False)
            journal.save()

    async def _continue(self, entry: ModelEntry) -> bool:
        """Start an install that was accepted before. A full disk keeps no other model from being served."""
        try:
            await self._start(entry)
        except (OSError, DurableWriteFailed) as error:
            self._registry.note_problem(entry, f"{entry.id}: the install cannot go on: {in_words(error)}")
            return False
        return True

    async def _start(self, entry: ModelEntry) -> None:
        install = await Install.begin(entry, self._context)
        self._running[entry.id] = install
        self._tasks.start_soon(self._run, install)

    async def _run(self, install: Install) -> None:
        try:
            await install.run()
        finally:
            if self._running.get(install.entry.id) is install:
                del self._running[install.entry.id]


def _not_for_good(entry: ModelEntry, error: Exception) -> Refused:
    return Refused(f"{entry.id}: stopped, but it will go on at the next start: {error}")
