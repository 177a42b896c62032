"""Diagnostics: keeps the log ring, and can say what went wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actors.shared.context import ActorContext
    from bus.actor import Actor


def build(surroundings: ActorContext) -> Actor[Any]:
    """The actor that the supervisor starts under this name."""
    from actors.diagnostics.actor import Diagnostics

    return Diagnostics.of(surroundings)
