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
from bus.broker.memory_bus import MemoryBus
from bus.peer.peer import Peer


def context_without_bus(
    name: str, locations: Locations, profile: Profile, defaults: Locations | None = None
) -> ActorContext:
    """For actors that are built and looked at, but never run: anything they say would fail."""
    peer = Peer.__new__(Peer)  # its methods can be handed on, and fail when they are called
    peer.name = name
    bus = BusContext.over(peer, cast(Any, None))
    return ActorContext.on(bus, name, locations, profile, defaults)


@contextlib.asynccontextmanager
async def bus_context(bus: MemoryBus, name: str) -> AsyncIterator[BusContext]:
    """What an actor has of this bus, until the block is left."""
    async with bus.connect(name) as peer, anyio.create_task_group() as tasks:
        yield BusContext.over(peer, tasks)
        tasks.cancel_scope.cancel()
