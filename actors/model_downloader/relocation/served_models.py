"""What happens to the models when their directory begins to serve, is interrupted, or is gone."""

from __future__ import annotations

from collections.abc import Iterable

import anyio.abc

from actors.model_downloader.installed.installed_models import InstalledModels
from actors.model_downloader.installs.install_queue import InstallQueue
from actors.model_downloader.registry.model_registry import ModelRegistry
from bus.errors import Refused
from schemas.manifest import ModelEntry
from schemas.models import ModelStatus


class ServedModels:
    """The models of the directory that serves now."""

    def __init__(
        self,
        registry: ModelRegistry,
        queue: InstallQueue,
        installed: InstalledModels,
        tasks: anyio.abc.TaskGroup,
    ) -> None:
        self._registry = registry
        self._queue = queue
        self._installed = installed
        self._tasks = tasks
        self._announced: dict[str, ModelStatus] = {}

    @property
    def entries(self) -> dict[str, ModelEntry]:
        """Every model, by id; follows the catalogue."""
        return self._registry.entries

    async def serve(self, *, is_new: bool = True) -> None:
        """Continue every install, and check what is installed.

        Args:
            is_new: the directory begins to serve: nothing in it counts as verified before it is checked.
        """
        self._announced.clear()
        await self._registry.look()
        if is_new:
            self._registry.distrust()
        await self._queue.take_up(self._registry.entries.values())
        self._tasks.start_soon(self._installed.check)

    async def take_up(self, entries: Iterable[ModelEntry]) -> None:
        """Continue the installs of these models, as they lie on disk."""
        await self._queue.take_up(entries)

    async def stop_installs(self) -> None:
        """End the installs that run; they continue when the directory serves again."""
        await self._queue.stop_all()
        self._registry.forget_installs()

    async def resume_wishes(self, model_ids: Iterable[str]) -> None:
        """Install models anew whose partials stayed at another place."""
        for model_id in model_ids:
            entry = self._registry.entries.get(model_id)
            if entry is None:
                continue
            try:
                await self._queue.install(entry)
            except Refused as refused:
                self._registry.note_problem(entry, str(refused))
                await self._registry.announce(model_id)

    def wishes(self) -> list[str]:
        """Models with an install that is to go on."""
        return [known for known in self._registry.entries if self._registry.on_disk(known).is_kept]

    async def look(self, *model_ids: str) -> None:
        """Read what lies on disk of these models, by default of all."""
        await self._registry.look(*model_ids)

    async def looked(self, within_seconds: float) -> None:
        """Wait for a look that is under way, but not for ever."""
        await self._registry.looked(within_seconds)

    def opened(self) -> None:
        """The directory can be used: what was in the way is forgotten."""
        self._registry.directory_opened()

    async def lost(self, problem: str) -> None:
        """The directory cannot be used; everybody sees why."""
        self._registry.directory_lost(problem)
        await self.announce_all()

    async def announce_all(self) -> None:
        """Publish where every model stands."""
        for model_id in list(self._registry.entries):
            await self._registry.announce(model_id)

    async def announce_changes(self) -> None:
        """Look at the models of another process, and publish what changed since the last time."""
        await self._registry.look()
        for status in self._registry.statuses():
            if self._announced.get(status.model_id) != status:
                self._announced[status.model_id] = status
                await self._registry.announce(status.model_id)
