"""The model downloader: the one owner of the models directory."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from typing import Any, assert_never

from actors.model_downloader.catalogue_client import CatalogueClient
from actors.model_downloader.downloader_context import DownloaderContext
from actors.model_downloader.downloader_settings import DownloaderSettings
from actors.model_downloader.installed.installed_models import InstalledModels
from actors.model_downloader.installed.maintenance import Maintenance
from actors.model_downloader.installs.install_context import InstallContext
from actors.model_downloader.installs.install_queue import InstallQueue
from actors.model_downloader.installs.partials import Partials
from actors.model_downloader.installs.source_access import SourceAccess
from actors.model_downloader.registry.model_catalogue import CatalogueState
from actors.model_downloader.registry.model_leases import ModelLeases
from actors.model_downloader.registry.model_registry import ModelRegistry
from actors.model_downloader.relocation.models_directory import ModelsDirectory
from actors.model_downloader.relocation.relocator import Relocator
from actors.model_downloader.relocation.served_models import ServedModels
from actors.model_downloader.staging.models_layout import ModelsLayout
from actors.model_downloader.transfer.space_reservations import SpaceReservations
from actors.model_downloader.transfer.transfer_limits import TransferLimits
from actors.model_downloader.verifier_client import VerifierClient
from actors.shared.settings_at_start import settings_at_start
from bus.actor import Actor, Later
from schemas.config import SettingsChangedEvent
from schemas.event import Event
from schemas.leases import (
    ModelLeaseRequestEvent,
    ModelReleasedEvent,
    ModelReleaseRequestEvent,
    ModelRepairRequestEvent,
    ModelRollbackRequestEvent,
)
from schemas.models import (
    ModelCancelledEvent,
    ModelCancelRequestEvent,
    ModelInstallAcceptedEvent,
    ModelInstallRequestEvent,
    ModelPausedEvent,
    ModelPauseRequestEvent,
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
from schemas.operations.bus import PeerLeftEvent
from schemas.paths import (
    ModelsRelocateRequestEvent,
    ModelsRelocationEvent,
    PathMoveCancelRequestEvent,
    PathsChangedEvent,
)
from schemas.sources import ModelCatalogueChangedEvent

News = ModelCatalogueChangedEvent | PathsChangedEvent | PeerLeftEvent | SettingsChangedEvent
Change = (
    ModelInstallRequestEvent
    | ModelCancelRequestEvent
    | ModelPauseRequestEvent
    | ModelResumeRequestEvent
    | PartialsListRequestEvent
    | PartialsCollectRequestEvent
)
"""Requests that take a moment; a move of all models waits for them."""

Quick = Change | ModelsListRequestEvent | ModelReleaseRequestEvent | ModelsRelocateRequestEvent
"""Requests that are answered before the actor stops."""

Use = (
    ModelRemoveRequestEvent
    | ModelVerifyRequestEvent
    | ModelLeaseRequestEvent
    | ModelRollbackRequestEvent
    | ModelRepairRequestEvent
)
"""Requests that may wait for holders or for the verifier; a stop abandons them."""

Inbox = News | Quick | Use | PathMoveCancelRequestEvent
Changed = (
    ModelInstallAcceptedEvent
    | ModelCancelledEvent
    | ModelPausedEvent
    | ModelResumedEvent
    | PartialsListedEvent
    | PartialsCollectedEvent
)


class ModelDownloader(Actor[Inbox]):
    """Installs, removes and checks models.

    An install that it accepted continues through any crash until it is done or cancelled. No request touches
    a disk on the event loop: the registry knows what lies there, and all else happens in threads, beside the
    inbox.
    """

    def __init__(self, context: DownloaderContext) -> None:
        super().__init__(context)
        peer, publish, tasks = context.peer, context.peer.publish, context.tasks
        layout = ModelsLayout(context.models)
        verifier = VerifierClient(peer)
        leases = ModelLeases(layout, peer)
        self._layout = layout
        self._settings, self._keeps_settings = DownloaderSettings(), context.keeps_settings
        self._access = SourceAccess.of(self._settings, context.sources, os.environ)
        self._limits = TransferLimits()
        self._registry = ModelRegistry(context.manifest, layout, leases, publish, context.alerts)
        installs = InstallContext(
            layout=layout,
            registry=self._registry,
            leases=leases,
            verifier=verifier,
            access=self._access,
            limits=self._limits,
            space=SpaceReservations(),
            publish=publish,
        )
        self._catalogue = CatalogueClient(peer, self._registry, self._learn)
        self._queue = InstallQueue(installs, tasks)
        self._partials = Partials(layout, self._registry, self._queue, self._settings)
        self._installed = InstalledModels(layout, self._registry, leases, self._queue, verifier, publish)
        self._maintenance = Maintenance(
            layout, self._registry, leases, self._queue, self._installed, verifier, self._settings
        )
        self._relocator = Relocator(
            ModelsDirectory(layout, context.default_models or context.models, context.owner),
            ServedModels(self._registry, self._queue, self._installed, tasks),
            leases,
            verifier,
            peer,
            tasks,
            context.state,
        )

    async def prepare(self) -> None:
        """Own the directory, finish what was interrupted, and continue every install.

        No server is asked before it is known whether the settings allow that.
        """
        found = await settings_at_start(self.peer, awaited=self._keeps_settings)
        if found is not None:
            self._follow_settings(found)
        self._settings.offline |= found is None and self._keeps_settings
        await self._relocator.open()
        self.tasks.start_soon(self._installed.watch_leases)
        self.tasks.start_soon(self._maintenance.verify_regularly)

    async def handle(self, event: Inbox) -> Later | None:
        """Follow one event, or have one request answered beside the inbox."""
        match event:
            case SettingsChangedEvent():
                self._follow_settings(event.settings)
            case ModelCatalogueChangedEvent():
                self._learn(event)
            case PathsChangedEvent():
                self._relocator.look_again()
            case PeerLeftEvent():
                self.tasks.start_soon(self._installed.peer_left, event.instance, event.said_bye)
            case PathMoveCancelRequestEvent():
                return Later(self._relocator.cancel)
            case (
                ModelRemoveRequestEvent()
                | ModelVerifyRequestEvent()
                | ModelLeaseRequestEvent()
                | ModelRollbackRequestEvent()
                | ModelRepairRequestEvent()
            ):
                return Later(partial(self._use, event))
            case _:
                return self.answer_later(partial(self._answer, event))
        return None

    def _follow_settings(self, settings: Mapping[str, Any]) -> None:
        self._settings.follow(settings)
        self._limits.change(self._settings.max_streams, self._settings.rate_bytes_per_second)

    def _learn(self, state: CatalogueState) -> None:
        self.tasks.start_soon(self._relocator.take_up, self._registry.learn(state))

    async def close(self) -> None:
        """End the installs that run, at a durable byte; they continue at the next start."""
        await self.answered()
        await self._queue.stop_all()
        self._access.close()
        await self._relocator.close()

    async def _answer(
        self, event: Quick
    ) -> Changed | ModelsListedEvent | ModelReleasedEvent | ModelsRelocationEvent:
        match event:
            case ModelsListRequestEvent():
                await self._catalogue.catch_up()
                await self._relocator.catch_up()
                return ModelsListedEvent(
                    models=self._registry.statuses(), models_directory=str(self._layout.path)
                )
            case ModelReleaseRequestEvent():
                entry = await self._catalogue.entry(event.model_id)
                return await self._installed.release(entry, event.lease_id)
            case ModelsRelocateRequestEvent():
                return await self._relocator.relocate(event)
            case _:
                async with self._relocator.changing():
                    return await self._change(event)

    async def _change(self, event: Change) -> Changed:
        entry_of, entry_now = self._catalogue.entry, self._catalogue.entry_now
        match event:
            case ModelInstallRequestEvent():
                return await self._queue.install(await entry_now(event.model_id))
            case ModelCancelRequestEvent():
                return await self._queue.cancel(await entry_of(event.model_id), event.drop_partial)
            case ModelPauseRequestEvent():
                return await self._queue.pause(await entry_of(event.model_id))
            case ModelResumeRequestEvent():
                return await self._queue.resume(await entry_now(event.model_id))
            case PartialsListRequestEvent():
                return await self._partials.find()
            case PartialsCollectRequestEvent():
                return await self._partials.collect(event)
            case _:
                assert_never(event)

    async def _use(self, event: Use) -> Event:
        if isinstance(event, ModelLeaseRequestEvent):
            await self._relocator.must_be_there()
            return await self._installed.lease(await self._catalogue.entry(event.model_id), event)
        await self._relocator.must_be_open()
        entry = await self._catalogue.entry(event.model_id)
        match event:
            case ModelRemoveRequestEvent():
                return await self._installed.remove(entry, event)
            case ModelVerifyRequestEvent():
                return await self._installed.verify(entry)
            case ModelRollbackRequestEvent():
                return await self._maintenance.roll_back(entry, event.wait_seconds)
            case ModelRepairRequestEvent():
                return await self._maintenance.repair(entry)
            case _:
                assert_never(event)
