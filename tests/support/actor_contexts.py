"""Contexts to build an actor from: on a bus in memory, or on none where nothing runs."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any, cast

import anyio

from actors.shared.context import ActorContext
from actors.shared.locations.locations import Locations
from actors.shared.profile.profile import Profile
from bus.actor import BusContext
from bus.alert_book import Alerts
from bus.broker.memory_bus import MemoryBus
from bus.instruments import Metrics
from bus.peer.peer import Peer


def context_without_bus(
    name: str, locations: Locations, profile: Profile, defaults: Locations | None = None
) -> ActorContext:
    """For actors that are built and looked at, but never run: anything they say would fail."""
    peer = Peer.__new__(Peer)  # its methods can be handed on, and fail when they are called
    peer.name = name
    bus = BusContext(peer=peer, tasks=cast(Any, None), alerts=Alerts(name, peer.publish), metrics=Metrics())
    return ActorContext.on(bus, name, locations, profile, defaults)


@contextlib.asynccontextmanager
async def bus_context(bus: MemoryBus, name: str) -> AsyncIterator[BusContext]:
    """What an actor has of this bus, until the block is left."""
    async with bus.connect(name) as peer, anyio.create_task_group() as tasks:
        yield context_of(peer, tasks)
        tasks.cancel_scope.cancel()


def context_of(peer: Peer, tasks: anyio.abc.TaskGroup) -> BusContext:
    """What an actor with this connection has of the bus."""
    return BusContext(peer=peer, tasks=tasks, alerts=Alerts(peer.name, peer.publish), metrics=Metrics())
