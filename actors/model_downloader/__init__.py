"""Brings models to disk: resumes what was interrupted, and shows nothing under a model's name that was not verified."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actors.shared.context import ActorContext
    from bus.actor import Actor


def build(surroundings: ActorContext) -> Actor[Any]:
    """The actor that the supervisor starts under this name."""
    from actors.model_downloader.actor import ModelDownloader

    return ModelDownloader.of(surroundings)
