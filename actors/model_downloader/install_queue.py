"""The desk: takes wishes for models, and carries each out through crashes until it is done, failed or withdrawn."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack

import anyio
import anyio.abc
import anyio.to_thread
import msgspec

from actors.model_downloader.downloader_context import World
from actors.model_downloader.install import Install
from actors.model_downloader.model_registry import ModelRegistry
from actors.model_downloader.partial_rules import collectable
from actors.model_downloader.partials import find_leftovers, place_of
from actors.model_downloader.staging.models_layout import ModelsLayout
from actors.model_downloader.staging.staging_journal import read_journal
from actors.shared.durable.durable_write import DurableWriteFailed
from bus.errors import Refused, UndercroftError
from schemas.manifest import ModelEntry
from schemas.models import (
    ModelCancelledEvent,
    ModelInstallAcceptedEvent,
    ModelPausedEvent,
    ModelResumedEvent,
    PartialFound,
    PartialsCollectedEvent,
    PartialsCollectRequestEvent,
    PartialsListedEvent,
)

INSTALLS_AT_ONCE = 2


class InstallQueue:
    """All installs of one downloader."""

    def __init__(
        self, standings: ModelRegistry, root: ModelsLayout, world: World, tasks: anyio.abc.TaskGroup
    ) -> None:
        self._standings = standings
        self._root = root
        self._world = world
        self._tasks = tasks
        self._slots = anyio.Semaphore(INSTALLS_AT_ONCE)

    async def take_up_wishes(self) -> None:
        """Go on with every install that was accepted, and say where the other models stand."""
        async with anyio.create_task_group() as telling:  # at once, so that what waits leaves as one message
            await self._take_up_each(telling)

    async def _take_up_each(self, telling: anyio.abc.TaskGroup) -> None:
        for entry in list(self._standings.entries.values()):
            journal = read_journal(self._root.staging(entry.id))
            if entry.id in self._standings.installs:
                continue
            if (
                entry.id in self._root.wishes()
                and (journal is None or (journal.wanted and not journal.paused))
                and not self._standings.licence_due(entry)
            ):
                try:
                    await self._start(entry)
                    continue
                except (
                    OSError,
                    DurableWriteFailed,
                ) as error:  # a full disk must not keep the other models from being served
                    self._standings.problems[entry.id] = f"{entry.id}: the install cannot go on: {error}"
            telling.start_soon(self._standings.tell, entry)

    async def install(self, entry: ModelEntry) -> ModelInstallAcceptedEvent:
        """Take a wish; on return it is durable. A paused install goes on.

        Raises:
            Refused: it could not be made durable, or a licence has to be accepted first.
        """
        if self._standings.licence_due(entry) and not self._standings.is_up_to_date(entry):
            where = f" at {entry.licence_url}" if entry.licence_url else ""
            advice = f"read it{where}, then run 'undercroft models accept {entry.id}'"
            raise Refused(f"{entry.id}: its licence ({entry.licence}) has to be accepted first; {advice}")
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

    async def pause(self, entry: ModelEntry) -> ModelPausedEvent:
        """Let an install rest until it is resumed; on return that is durable.

        Raises:
            Refused: there is nothing to pause, or it could not be made durable.
        """
        install = self._standings.installs.get(entry.id)
        if self._standings.status(entry).state == "paused":
            return ModelPausedEvent(status=self._standings.status(entry))
        if install is None or install.is_over:
            raise Refused(f"{entry.id}: no install is under way that could be paused")
        try:
            await install.pause()
        except (OSError, DurableWriteFailed) as error:
            raise Refused(f"{entry.id}: stopped, but it will go on at the next start: {error}") from error
        return ModelPausedEvent(status=self._standings.status(entry))

    async def resume(self, entry: ModelEntry) -> ModelResumedEvent:
        """Let a paused install go on; on return that is durable. One that is under way is left as it is.

        Raises:
            Refused: nothing is paused, or it could not be made durable.
        """
        install = self._standings.installs.get(entry.id)
        if self._standings.status(entry).state != "paused" and (install is None or install.is_over):
            raise Refused(
                f"{entry.id}: nothing is paused; run 'undercroft models install {entry.id}' to fetch it"
            )
        await self.install(entry)
        return ModelResumedEvent(status=self._standings.status(entry))

    async def partials(self) -> PartialsListedEvent:
        """Everything that lies beside the installed models."""
        return PartialsListedEvent(
            partials=await self._leftovers(), keep_days=self._world.settings.partials_keep_days
        )

    async def collect(
        self, request: PartialsCollectRequestEvent, turn: Callable[[str], anyio.Lock]
    ) -> PartialsCollectedEvent:
        """Remove what a person's rule says, and what nobody wants; the rule of 0 days removes nothing.

        Args:
            request: the rule.
            turn: held while something of a model is removed, and then it is looked at once more: it may be
                wanted by now.
        """
        keep_days = (
            self._world.settings.partials_keep_days
            if request.keep_days is None
            else max(0, request.keep_days)
        )
        removed, problems = [], []
        for found in collectable(await self._leftovers(), keep_days):
            try:
                async with turn(found.model_id):
                    if request.dry_run or await self._collect_one(found, keep_days):
                        removed.append(found)
            except (OSError, UndercroftError) as error:
                problems.append(f"{found.model_id}: cannot be removed: {error}")
        freed = sum(found.size_bytes for found in removed)
        return PartialsCollectedEvent(
            removed=removed,
            freed_bytes=freed,
            keep_days=keep_days,
            dry_run=request.dry_run,
            problems=problems,
        )

    async def _collect_one(self, found: PartialFound, keep_days: int) -> bool:
        still_there = {(one.model_id, one.kind) for one in collectable(await self._leftovers(), keep_days)}
        if (found.model_id, found.kind) not in still_there:
            return False
        await anyio.to_thread.run_sync(self._root.trash, place_of(self._root, found))
        await self._collected(found.model_id)
        return True

    async def _collected(self, model_id: str) -> None:
        install = self._standings.installs.get(model_id)
        if install is not None and install.is_over:
            self._standings.installs.pop(model_id)
        if entry := self._standings.entries.get(model_id):
            await self._standings.tell(entry)

    async def _leftovers(self) -> list[PartialFound]:
        found = await anyio.to_thread.run_sync(
            find_leftovers, self._root, self._standings.entries, self._world.now()
        )
        return [self._as_it_stands(one) for one in found]

    def _as_it_stands(self, found: PartialFound) -> PartialFound:
        """What runs now is wanted, whatever its journal said a moment ago."""
        install = self._standings.installs.get(found.model_id)
        if install is None or found.kind != "partial":
            return found
        return msgspec.structs.replace(
            found, state=install.status.state, is_wanted=found.is_wanted or not install.is_over
        )

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
        async with AsyncExitStack() as slot:
            await slot.enter_async_context(self._slots)
            install.let_others = slot.aclose
            await install.run()
        if install.status.state == "installed":
            self._standings.forget(install.entry.id)
