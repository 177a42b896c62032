"""The objects that a downloader is made of, wired as it wires them, for tests of one of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import anyio
import anyio.abc

from actors.model_downloader.downloader_settings import DownloaderSettings
from actors.model_downloader.installed.installed_models import InstalledModels
from actors.model_downloader.installs.install_context import InstallContext
from actors.model_downloader.installs.install_queue import InstallQueue
from actors.model_downloader.installs.source_access import SourceAccess
from actors.model_downloader.registry.model_leases import ModelLeases
from actors.model_downloader.registry.model_registry import ModelRegistry
from actors.model_downloader.staging.models_layout import ModelsLayout
from actors.model_downloader.transfer.http.http_client import HttpClient
from actors.model_downloader.transfer.space_reservations import SpaceReservations
from actors.model_downloader.transfer.transfer_limits import TransferLimits
from actors.model_downloader.verifier_client import VerifierClient
from bus.retry import Sleep
from bus.telemetry.alert_book import Alerts
from schemas.manifest import Manifest, ModelEntry
from tests.support.scripted_peer import ScriptedPeer


@dataclass(frozen=True)
class DownloaderParts:
    """The parts, each as its class describes it."""

    leases: ModelLeases
    registry: ModelRegistry
    verifier: VerifierClient
    access: SourceAccess
    limits: TransferLimits
    installs: InstallContext
    queue: InstallQueue
    installed: InstalledModels


def downloader_parts(
    layout: ModelsLayout,
    bus: ScriptedPeer,
    *entries: ModelEntry,
    settings: DownloaderSettings | None = None,
    client: HttpClient | None = None,
    access: SourceAccess | None = None,
    limits: TransferLimits | None = None,
    sleep: Sleep = anyio.sleep,
    now: Callable[[], float] = lambda: 0.0,
    random_unit: Callable[[], float] = lambda: 0.5,
    tasks: anyio.abc.TaskGroup | None = None,
) -> DownloaderParts:
    """Parts for a manifest of these entries; without `tasks` the queue can start nothing."""
    leases = ModelLeases(layout, bus.as_peer)
    registry = ModelRegistry(
        Manifest(format=1, models=list(entries)),
        layout,
        leases,
        bus.publish,
        Alerts("model_downloader", bus.publish),
        now,
    )
    verifier = VerifierClient(bus.as_peer, sleep)
    access = access or SourceAccess(settings or DownloaderSettings(), client=client)
    limits = limits or TransferLimits()
    installs = InstallContext(
        layout=layout,
        registry=registry,
        leases=leases,
        verifier=verifier,
        access=access,
        limits=limits,
        space=SpaceReservations(),
        publish=bus.publish,
        sleep=sleep,
        now=now,
        random_unit=random_unit,
    )
    queue = InstallQueue(installs, cast(Any, tasks))
    installed = InstalledModels(layout, registry, leases, queue, verifier, bus.publish)
    return DownloaderParts(leases, registry, verifier, access, limits, installs, queue, installed)
