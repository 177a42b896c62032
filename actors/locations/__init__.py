"""Owns what a person chose of the locations: looks at each directory, judges it, keeps the choice and tells everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actors.shared.context import ActorContext
    from bus.actor import Actor


def build(surroundings: ActorContext) -> Actor[Any]:
    """The actor that the supervisor starts under this name."""
    from actors.locations.actor import LocationKeeper

    return LocationKeeper.of(surroundings)
