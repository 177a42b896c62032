"""Brings models to disk, and looks after them there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actors.shared.context import ActorContext
    from bus.actor import Actor


def build(context: ActorContext) -> Actor[Any]:
    """The actor that the supervisor starts under this name."""
    from actors.model_downloader.actor import ModelDownloader
    from actors.model_downloader.downloader_context import DownloaderContext

    return ModelDownloader(DownloaderContext.of(context))
