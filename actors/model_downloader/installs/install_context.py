"""What every install of one downloader works with."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import anyio

from actors.model_downloader.installs.source_access import SourceAccess
from actors.model_downloader.registry.model_leases import ModelLeases
from actors.model_downloader.registry.model_registry import ModelRegistry, Publish
from actors.model_downloader.staging.models_layout import ModelsLayout
from actors.model_downloader.transfer.space_reservations import SpaceReservations
from actors.model_downloader.transfer.transfer_limits import TransferLimits
from actors.model_downloader.verifier_client import VerifierClient
from bus.retry import Sleep

INSTALLS_AT_ONCE: Final = 2


def _install_slots() -> anyio.Semaphore:
    return anyio.Semaphore(INSTALLS_AT_ONCE)


@dataclass(frozen=True, kw_only=True, slots=True)
class InstallContext:
    """Shared by all installs.

    Attributes:
        layout: where everything of a model lies.
        registry: takes what an install reports.
        leases: say who holds the revision that an install replaces.
        verifier: judges what was fetched.
        access: reaches the places that models come from.
        limits: bound the connections and the rate of all installs together.
        space: what each install has yet to write.
        publish: publishes an event.
        slots: how many installs fetch at once; one that waits for holders leaves its slot to another.
        sleep: waits between attempts.
        now: seconds since the Unix epoch.
        random_unit: a random number in [0, 1).
    """

    layout: ModelsLayout
    registry: ModelRegistry
    leases: ModelLeases
    verifier: VerifierClient
    access: SourceAccess
    limits: TransferLimits
    space: SpaceReservations
    publish: Publish
    slots: anyio.Semaphore = field(default_factory=_install_slots)
    sleep: Sleep = anyio.sleep
    now: Callable[[], float] = time.time
    random_unit: Callable[[], float] = random.random
