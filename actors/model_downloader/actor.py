"""The model downloader: the one owner of the models directory. What it is asked goes to its desk or to its shelf."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, assert_never

from actors.manifest import load_manifest
from actors.model_downloader.activation import finish
from actors.model_downloader.desk import Desk
from actors.model_downloader.shelf import Shelf
from actors.model_downloader.staging import ModelRoot
from actors.model_downloader.standing import Standings
from actors.model_downloader.world import World
from actors.storage.lock import DirectoryLock
from bus.actor import Actor, Later
from schemas.manifest import Manifest
from schemas.models import (
    FilesVerifiedEvent,
    FilesVerifyRequestEvent,
    ModelCancelledEvent,
    ModelCancelRequestEvent,
    ModelInstallAcceptedEvent,
    ModelInstallRequestEvent,
    ModelRemovalEvent,
    ModelRemoveRequestEvent,
    ModelsListedEvent,
    ModelsListRequestEvent,
    ModelVerifyRequestEvent,
)

if TYPE_CHECKING:
    from actors.launch import Surroundings

VERIFY_BASE_SECONDS = 30.0
VERIFY_BYTES_PER_SECOND = 20_000_000
"""A verdict is waited for as long as it takes to read the files from a slow disk."""

Inbox = ModelInstallRequestEvent | ModelCancelRequestEvent | ModelRemoveRequestEvent | ModelsListRequestEvent | ModelVerifyRequestEvent
Reply = ModelInstallAcceptedEvent | ModelCancelledEvent | ModelRemovalEvent | ModelsListedEvent | Later


class ModelDownloader(Actor[Inbox]):
    """Installs, removes and checks models. An install that it accepted goes on through any crash until it is done or cancelled."""

    def __init__(self, manifest: Manifest, root: Path, name: str = "model_downloader", world: World | None = None) -> None:
        """Args: world: stands in for network, verifier and bus; None for the real ones."""
        self._manifest = manifest
        self._root = ModelRoot(root)
        self._lock = DirectoryLock(root, name)
        self._world_given = world

    @classmethod
    def of(cls, surroundings: Surroundings) -> ModelDownloader:
        """The downloader of an app.

        Raises:
            ManifestRefused: its manifest cannot be used.
        """
        source = surroundings.profile.models
        manifest = load_manifest(source) if source else Manifest(format=1, models=[])
        return cls(manifest, surroundings.locations.models, surroundings.name)

    async def prepare(self) -> None:
        """Own the directory, finish what was interrupted, and take up every wish again."""
        self._lock.acquire()
        self._root.prepare()
        finish(self._root)
        self._world = self._world_given or World(publish=self.peer.publish, verify=self._ask_verifier)
        self._standings = Standings(self._manifest, self._root, self._world)
        self._desk = Desk(self._standings, self._root, self._world, self.tasks)
        self._shelf = Shelf(self._standings, self._root, self._world)
        await self._desk.take_up_wishes()
        self.tasks.start_soon(self._shelf.check)

    async def handle(self, event: Inbox) -> Reply:
        """Answer one request."""
        entry_of = self._standings.entry
        match event:
            case ModelsListRequestEvent():
                models = [self._standings.status(known) for known in self._standings.entries.values()]
                return ModelsListedEvent(models=models, models_directory=str(self._root.path))
            case ModelInstallRequestEvent():
                return await self._desk.install(entry_of(event.model_id))
            case ModelCancelRequestEvent():
                return await self._desk.cancel(entry_of(event.model_id), event.drop_partial)
            case ModelRemoveRequestEvent():
                entry = entry_of(event.model_id)
                if not event.dry_run:
                    await self._desk.stop(entry, forget=False)
                return await self._shelf.remove(entry, event.dry_run)
            case ModelVerifyRequestEvent():
                return self._shelf.verify(entry_of(event.model_id))
            case _:
                assert_never(event)

    async def close(self) -> None:
        """End the installs that run, at a durable byte; they go on at the next start."""
        await self._desk.close()
        self._world.close()
        self._lock.release()

    async def _ask_verifier(self, question: FilesVerifyRequestEvent) -> FilesVerifiedEvent:
        seconds = VERIFY_BASE_SECONDS + sum(file.size_bytes for file in question.files) / VERIFY_BYTES_PER_SECOND
        return await self.peer.request(question, timeout_seconds=seconds)
