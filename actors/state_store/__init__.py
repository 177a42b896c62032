"""Keeps key-value state and typed documents: an acknowledged write is on disk, a batch is there whole or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actors.shared.context import ActorContext
    from bus.actor import Actor


def build(surroundings: ActorContext) -> Actor[Any]:
    """The actor that the supervisor starts under this name."""
    from actors.state_store.actor import StateStoreActor

    return StateStoreActor.of(surroundings)
