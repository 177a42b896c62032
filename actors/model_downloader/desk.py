"""The desk: takes wishes for models, and carries each out through crashes until it is done, failed or withdrawn."""

from __future__ import annotations

import anyio
import anyio.abc
import anyio.to_thread

from actors.model_downloader.install import Install
from actors.model_downloader.journal import read_journal
from actors.model_downloader.staging import ModelRoot
from actors.model_downloader.standing import Standings
from actors.model_downloader.world import World
from actors.storage.durable import DurableWriteFailed
from bus.errors import Refused
from schemas.manifest import ModelEntry
from schemas.models import ModelCancelledEvent, ModelInstallAcceptedEvent

INSTALLS_AT_ONCE = 2


class Desk:
    """All installs of one downloader."""

    def __init__(self, standings: Standings, root: ModelRoot, world: World, tasks: anyio.abc.TaskGroup) -> None:
        self._standings = standings
        self._root = root
        self._world = world
        self._tasks = tasks
        self._slots = anyio.Semaphore(INSTALLS_AT_ONCE)

    async def take_up_wishes(self) -> None:
        """Go on with every install that was accepted, and say where the other models stand."""
        for entry in self._standings.entries.values():
            journal = read_journal(self._root.staging(entry.id))
            if entry.id in self._root.wishes() and (journal is None or journal.wanted):
                try:
                    await self._start(entry)
                    continue
                except (OSError, DurableWriteFailed) as error:  # a full disk must not keep the other models from being served
                    self._standings.problems[entry.id] = f"{entry.id}: the install cannot go on: {error}"
            await self._standings.tell(entry)

    async def install(self, entry: ModelEntry) -> ModelInstallAcceptedEvent:
        """Take a wish; on return it is durable.

        Raises:
            Refused: it could not be made durable.
        """
        running = self._standings.installs.get(entry.id)
        if (running is None or running.is_over) and not self._standings.is_up_to_date(entry):
            try:
                await self._start(entry)
            except (OSError, DurableWriteFailed) as error:
                raise Refused(f"{entry.id}: the wish could not be made durable: {error}") from error
        return ModelInstallAcceptedEvent(status=self._standings.status(entry))

    async def cancel(self, entry: ModelEntry, drop_partial: bool) -> ModelCancelledEvent:
        """Withdraw a wish; the partial is kept unless it is to be dropped.

        Raises:
            Refused: that could not be made durable.
        """
        try:
            await self.stop(entry, forget=not drop_partial)
            if drop_partial:
                await anyio.to_thread.run_sync(self._root.drop_staging, entry.id)
        except (OSError, DurableWriteFailed) as error:
            raise Refused(f"{entry.id}: stopped, but it will go on at the next start: {error}") from error
        if drop_partial:
            self._standings.installs.pop(entry.id, None)
            await self._standings.tell(entry)
        return ModelCancelledEvent(status=self._standings.status(entry))

    async def stop(self, entry: ModelEntry, *, forget: bool) -> None:
        """End an install and wait until it writes no more. With `forget` it does not go on at the next start either."""
        if install := self._standings.installs.get(entry.id):
            await install.stop(forget=forget)
        elif forget and self._root.staging(entry.id).is_dir():
            leftover = Install(entry, self._root, self._world)
            await leftover.begin()
            await leftover.stop(forget=True)
            await self._standings.tell(entry)

    async def close(self) -> None:
        """End the installs that run, at a durable byte; they go on at the next start."""
        for install in list(self._standings.installs.values()):
            if not install.is_over:
                await install.stop(forget=False)

    async def _start(self, entry: ModelEntry) -> None:
        install = Install(entry, self._root, self._world)
        await install.begin()
        self._standings.installs[entry.id] = install
        self._tasks.start_soon(self._run, install)

    async def _run(self, install: Install) -> None:
        async with self._slots:
            await install.run()
        if install.status.state == "installed":
            self._standings.forget(install.entry.id)
