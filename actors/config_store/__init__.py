"""Owns the one live configuration of the app: applies a change at once, tells everybody, and answers once it is on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actors.shared.context import ActorContext
    from bus.actor import Actor


def build(surroundings: ActorContext) -> Actor[Any]:
    """The actor that the supervisor starts under this name."""
    from actors.config_store.actor import ConfigStore

    return ConfigStore.of(surroundings)
