"""Derives from what the others tell whether the app can be used, for what, and what a frontend shows about it. Owns nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actors.shared.context import ActorContext
    from bus.actor import Actor


def build(surroundings: ActorContext) -> Actor[Any]:
    """The actor that the supervisor starts under this name."""
    from actors.readiness.actor import Readiness

    return Readiness.of(surroundings)
