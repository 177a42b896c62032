"""The model downloader: the one owner of the models directory. What it is asked goes to its desk or to its shelf."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, assert_never

from actors.manifest import load_manifest
from actors.model_downloader.desk import Desk
from actors.model_downloader.residence import Residence
from actors.model_downloader.shelf import Shelf
from actors.model_downloader.staging import ModelRoot
from actors.model_downloader.standing import Standings
from actors.model_downloader.world import World
from bus.actor import Actor, Later
from schemas.event import Event, Request
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
from schemas.paths import (
    ModelsRelocateRequestEvent,
    ModelsRelocationEvent,
    PathMoveCancelledEvent,
    PathMoveCancelRequestEvent,
    PathsChangedEvent,
)

if TYPE_CHECKING:
    from actors.launch import Surroundings

VERIFY_BASE_SECONDS = 30.0
VERIFY_BYTES_PER_SECOND = 20_000_000
"""A verdict is waited for as long as it takes to read the files from a slow disk."""

RELOCATION_TIMEOUT_SECONDS = 60.0

Wish = ModelInstallRequestEvent | ModelCancelRequestEvent | ModelRemoveRequestEvent | ModelVerifyRequestEvent
Relocating = ModelsRelocateRequestEvent | PathMoveCancelRequestEvent
Inbox = Wish | Relocating | ModelsListRequestEvent | PathsChangedEvent
Changed = ModelInstallAcceptedEvent | ModelCancelledEvent | ModelRemovalEvent
Reply = Changed | ModelsListedEvent | ModelsRelocationEvent | PathMoveCancelledEvent | Later


class ModelDownloader(Actor[Inbox]):
    """Installs, removes and checks models. An install that it accepted goes on through any crash until it is done or cancelled."""

    def __init__(
        self,
        manifest: Manifest,
        root: Path,
        name: str = "model_downloader",
        world: World | None = None,
        state: Path | None = None,
        default_root: Path | None = None,
    ) -> None:
        """`world` stands in for network, verifier and bus, None for the real ones. Without `state` the models never move elsewhere.

        With another `default_root` than `root` a person chose the latter, and it is not created if it is missing.
        """
        self._manifest = manifest
        self._root = ModelRoot(root)
        self._name = name
        self._state = state
        self._default_root = default_root
        self._world_given = world

    @classmethod
    def of(cls, surroundings: Surroundings) -> ModelDownloader:
        """The downloader of an app.

        Raises:
            ManifestRefused: its manifest cannot be used.
        """
        source = surroundings.profile.models
        manifest = load_manifest(source) if source else Manifest(format=1, models=[])
        locations, defaults = surroundings.locations, surroundings.defaults or surroundings.locations
        return cls(manifest, locations.models, surroundings.name, state=locations.state / "model_downloader", default_root=defaults.models)

    async def prepare(self) -> None:
        """Own the directory, finish what was interrupted, and take up every wish again."""
        self._world = self._world_given or World(publish=self.peer.publish, verify=self._ask_verifier)
        self._standings = Standings(self._manifest, self._root, self._world)
        self._desk = Desk(self._standings, self._root, self._world, self.tasks)
        self._shelf = Shelf(self._standings, self._root, self._world)
        self._residence = Residence(self._name, self._root, self._standings, self._world, self._ask_of_places, self._state, self._default_root)
        self._residence.inhabit(self._desk, self._shelf, self.tasks)
        await self._residence.open()

    async def handle(self, event: Inbox) -> Reply | None:
        """Answer one request."""
        entry_of = self._standings.entry
        if isinstance(event, Wish):
            self._residence.must_be_open()
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
            case ModelsRelocateRequestEvent():
                return await self._residence.relocate(event)
            case PathMoveCancelRequestEvent():
                return Later(self._residence.cancel)
            case PathsChangedEvent():
                await self._residence.look_again()
                return None
            case _:
                assert_never(event)

    async def close(self) -> None:
        """End the installs that run, at a durable byte; they go on at the next start."""
        await self._desk.close()
        self._world.close()
        self._residence.close()

    async def _ask_of_places(self, question: Request[Any]) -> Event:
        return await self.peer.request(question, timeout_seconds=RELOCATION_TIMEOUT_SECONDS)

    async def _ask_verifier(self, question: FilesVerifyRequestEvent) -> FilesVerifiedEvent:
        seconds = VERIFY_BASE_SECONDS + sum(file.size_bytes for file in question.files) / VERIFY_BYTES_PER_SECOND
        return await self.peer.request(question, timeout_seconds=seconds)
