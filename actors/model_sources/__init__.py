"""Knows where models come from: resolves names, keeps what a person added and accepted, and takes signed manifests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actors.shared.context import ActorContext
    from bus.actor import Actor


def build(surroundings: ActorContext) -> Actor[Any]:
    """The actor that the supervisor starts under this name."""
    from actors.model_sources.actor import ModelSources

    return ModelSources.of(surroundings)
