"""The model downloader: the one owner of the models directory. What it is asked goes to its desk or to its shelf."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, assert_never

from actors.model_downloader.downloader_context import World
from actors.model_downloader.install_queue import InstallQueue
from actors.model_downloader.installed_models import InstalledModels
from actors.model_downloader.maintenance import Maintenance
from actors.model_downloader.model_leases import ModelLeases
from actors.model_downloader.model_registry import ModelRegistry
from actors.model_downloader.relocation.models_directory import ModelsDirectory
from actors.model_downloader.reverification import days_of
from actors.model_downloader.staging.models_layout import ModelsLayout
from actors.shared.credentials import EnvironmentTokens, SourceEndpoints, TokenProvider
from actors.shared.manifest import load_manifest
from actors.shared.profile.profile_tables import SourcesTable
from bus.actor import Actor, Later
from bus.errors import OperatorError, RequestFailed
from schemas.config import SettingsChangedEvent
from schemas.event import Event, Request
from schemas.leases import (
    ModelLeaseRequestEvent,
    ModelReleasedEvent,
    ModelReleaseRequestEvent,
    ModelRepairRequestEvent,
    ModelRollbackRequestEvent,
)
from schemas.manifest import Manifest
from schemas.models import (
    FilesVerifiedEvent,
    FilesVerifyRequestEvent,
    ModelCancelledEvent,
    ModelCancelRequestEvent,
    ModelInstallAcceptedEvent,
    ModelInstallRequestEvent,
    ModelPausedEvent,
    ModelPauseRequestEvent,
    ModelRemovalEvent,
    ModelRemoveRequestEvent,
    ModelResumedEvent,
    ModelResumeRequestEvent,
    ModelsListedEvent,
    ModelsListRequestEvent,
    ModelVerifyRequestEvent,
    PartialsCollectedEvent,
    PartialsCollectRequestEvent,
    PartialsListedEvent,
    PartialsListRequestEvent,
)
from schemas.operations.bus import BusStatisticsRequestEvent, PeerLeftEvent
from schemas.paths import (
    ModelsRelocateRequestEvent,
    ModelsRelocationEvent,
    PathMoveCancelledEvent,
    PathMoveCancelRequestEvent,
    PathsChangedEvent,
)
from schemas.sources import ModelCatalogueChangedEvent

if TYPE_CHECKING:
    from actors.shared.context import ActorContext

VERIFY_BASE_SECONDS = 30.0
VERIFY_BYTES_PER_SECOND = 20_000_000
"""A verdict is waited for as long as it takes to read the files from a slow disk."""

VERIFY_IDLE_SECONDS = 12 * 3600.0
"""Who reads only while nobody else does may take a night."""

RELOCATION_TIMEOUT_SECONDS = 60.0

Fetched = (
    ModelPauseRequestEvent | ModelResumeRequestEvent | PartialsListRequestEvent | PartialsCollectRequestEvent
)
Wish = ModelInstallRequestEvent | ModelCancelRequestEvent | ModelRemoveRequestEvent | ModelVerifyRequestEvent
Use = ModelLeaseRequestEvent | ModelRollbackRequestEvent | ModelRepairRequestEvent
Relocating = ModelsRelocateRequestEvent | PathMoveCancelRequestEvent
Heard = ModelCatalogueChangedEvent | PathsChangedEvent | PeerLeftEvent | SettingsChangedEvent
Inbox = Wish | Fetched | Use | ModelReleaseRequestEvent | Relocating | ModelsListRequestEvent | Heard
Changed = ModelInstallAcceptedEvent | ModelCancelledEvent | ModelRemovalEvent
Listed = ModelPausedEvent | ModelResumedEvent | PartialsListedEvent | PartialsCollectedEvent
Reply = (
    Changed
    | Listed
    | ModelReleasedEvent
    | ModelsListedEvent
    | ModelsRelocationEvent
    | PathMoveCancelledEvent
    | Later
)


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
        sources: SourcesTable | None = None,
    ) -> None:
        """`world` stands in for network, verifier and bus, None for the real ones. Without `state` the models never move elsewhere.

        With another `default_root` than `root` a person chose the latter, and it is not created if it is
        missing. `sources` names servers that stand in for the public ones.
        """
        self._manifest = manifest
        self._root = ModelsLayout(root)
        self._name = name
        self._state = state
        self._default_root = default_root
        self._sources = sources or SourcesTable()
        self._world_given = world

    @classmethod
    def of(cls, surroundings: ActorContext) -> ModelDownloader:
        """The downloader of an app.

        Raises:
            ManifestRefused: its manifest cannot be used.
        """
        source = surroundings.profile.models
        manifest = load_manifest(source) if source else Manifest(format=1, models=[])
        locations, defaults = surroundings.locations, surroundings.defaults or surroundings.locations
        name = f"{surroundings.name} of {surroundings.profile.name}"
        state = locations.state / "model_downloader"
        return cls(
            manifest,
            locations.models,
            name,
            state=state,
            default_root=defaults.models,
            sources=surroundings.profile.sources,
        )

    async def prepare(self) -> None:
        """Own the directory, finish what was interrupted, and take up every wish again."""
        endpoints, wallet = _places(self._sources)
        self._world = self._world_given or World(
            publish=self.peer.publish, verify=self._ask_verifier, wallet=wallet, endpoints=endpoints
        )
        self._standings = ModelRegistry(self._manifest, self._root, self._world)
        self._desk = InstallQueue(self._standings, self._root, self._world, self.tasks)
        self._holding = ModelLeases(self._root, self._instances)
        self._shelf = InstalledModels(self._standings, self._root, self._world, self._holding, self.alerts)
        self._upkeep = Maintenance(self._shelf, self._standings, self._root, self._world, self._holding)
        self._world.alone, self._world.describe = self._holding.alone, self._shelf.describe
        self._world.installed = self._shelf.installed
        self._holding.load()
        self._residence = ModelsDirectory(
            self._name,
            self._root,
            self._standings,
            self._world,
            self._ask_of_places,
            self._state,
            self._default_root,
        )
        self._residence.inhabit(self._desk, self._shelf, self.tasks)
        self._residence.before_switch = self._holding.go_along
        self._residence.taken = self._holding.load
        await self._residence.open()
        self.tasks.start_soon(self._holding.keep_looking, self._shelf.leases_ended)
        self.tasks.start_soon(self._upkeep.make_rounds)

    async def handle(self, event: Inbox) -> Reply | None:
        """Answer one request."""
        entry_of = self._standings.entry
        if isinstance(event, ModelLeaseRequestEvent):
            self._residence.must_be_there()
        elif isinstance(event, Wish | Fetched | Use):
            self._residence.must_be_open()
        match event:
            case ModelsListRequestEvent():
                models = [self._standings.status(known) for known in self._standings.entries.values()]
                return ModelsListedEvent(models=models, models_directory=str(self._root.path))
            case ModelInstallRequestEvent():
                async with self._shelf.turn(event.model_id):
                    return await self._desk.install(entry_of(event.model_id))
            case ModelCancelRequestEvent():
                async with self._shelf.turn(event.model_id):
                    return await self._desk.cancel(entry_of(event.model_id), event.drop_partial)
            case ModelRemoveRequestEvent():
                return Later(
                    partial(
                        self._shelf.remove,
                        entry_of(event.model_id),
                        event,
                        partial(self._desk.stop, forget=False),
                    )
                )
            case ModelVerifyRequestEvent():
                return Later(partial(self._shelf.verify, entry_of(event.model_id)))
            case ModelLeaseRequestEvent():
                return Later(partial(self._shelf.lease, entry_of(event.model_id), event))
            case ModelReleaseRequestEvent():
                return await self._shelf.release(entry_of(event.model_id), event.lease_id)
            case ModelRollbackRequestEvent():
                return Later(partial(self._upkeep.roll_back, entry_of(event.model_id), event.wait_seconds))
            case ModelRepairRequestEvent():
                return Later(partial(self._upkeep.repair, entry_of(event.model_id), self._desk.install))
            case PeerLeftEvent():
                await self._shelf.leases_ended(await self._holding.peer_left(event.instance, event.said_bye))
                return None
            case ModelPauseRequestEvent():
                async with self._shelf.turn(event.model_id):
                    return await self._desk.pause(entry_of(event.model_id))
            case ModelResumeRequestEvent():
                async with self._shelf.turn(event.model_id):
                    return await self._desk.resume(entry_of(event.model_id))
            case PartialsListRequestEvent():
                return await self._desk.partials()
            case PartialsCollectRequestEvent():
                return await self._desk.collect(event, self._shelf.turn)
            case ModelCatalogueChangedEvent():
                if self._standings.learn(event) and self._residence.is_open:
                    await self._desk.take_up_wishes()
                return None
            case SettingsChangedEvent():
                settings = self._world.settings
                settings.follow(event.settings)
                self._world.limits.change(settings.max_streams, settings.rate_bytes_per_second)
                self._upkeep.every_days = days_of(event.settings)
                return None
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

    async def _instances(self) -> frozenset[str] | None:
        """The peers that are on the bus now, by instance; None if the broker does not say."""
        try:
            statistics = await self.peer.request(BusStatisticsRequestEvent())
        except RequestFailed:
            return None
        return frozenset(peer.instance for peer in statistics.peers)

    async def _ask_of_places(self, question: Request[Any]) -> Event:
        return await self.peer.request(question, timeout_seconds=RELOCATION_TIMEOUT_SECONDS)

    async def _ask_verifier(self, question: FilesVerifyRequestEvent) -> FilesVerifiedEvent:
        seconds = (
            VERIFY_BASE_SECONDS + sum(file.size_bytes for file in question.files) / VERIFY_BYTES_PER_SECOND
        )
        if question.idle:
            seconds = VERIFY_IDLE_SECONDS
        return await self.peer.request(question, timeout_seconds=seconds)


def _places(sources: SourcesTable) -> tuple[SourceEndpoints, TokenProvider]:
    """Where hub and registry are asked, and the tokens of the environment and of the keychain, each for its own origin."""
    try:
        endpoints = SourceEndpoints.read(os.environ, hub=sources.hf, ollama=sources.ollama)
    except OperatorError:  # whoever resolves names says so; without it no token goes to any hub
        return SourceEndpoints(), TokenProvider(EnvironmentTokens.read(os.environ, hub=""))
    return endpoints, TokenProvider(EnvironmentTokens.read(os.environ, hub=endpoints.hub))
