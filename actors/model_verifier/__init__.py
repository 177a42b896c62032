"""Tells whether files keep what a manifest promised of them, and has most of the answer ready when a download ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actors.shared.context import ActorContext
    from bus.actor import Actor


def build(surroundings: ActorContext) -> Actor[Any]:
    """The actor that the supervisor starts under this name."""
    from actors.model_verifier.actor import ModelVerifier

    return ModelVerifier.of(surroundings)
