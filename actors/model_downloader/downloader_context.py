"""What the downloader is built from: its connection to the bus, the manifest, and its directories."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from actors.shared.context import ActorContext
from actors.shared.manifest import load_manifest
from actors.shared.profile.profile_tables import SourcesTable
from bus.actor import BusContext
from schemas.manifest import Manifest


@dataclass(frozen=True, kw_only=True, slots=True)
class DownloaderContext(BusContext):
    """Everything the model downloader needs, there from the first line of its constructor.

    Attributes:
        manifest: the models that ship with the app.
        models: the directory of the models.
        default_models: where they lie if nobody chose a place; None: where they lie now. A missing directory
            is created only there. Anywhere else it means that a drive is away.
        state: where the journal of a move is kept; None: the models never move.
        owner: names this downloader to another app that wants the same directory.
        sources: servers that stand in for the public hub and registry.
        keeps_settings: a config store publishes the settings at each start.
    """

    manifest: Manifest
    models: Path
    default_models: Path | None = None
    state: Path | None = None
    owner: str = "model_downloader"
    sources: SourcesTable = field(default_factory=SourcesTable)
    keeps_settings: bool = False

    @classmethod
    def of(cls, context: ActorContext) -> Self:
        """The context of an app's downloader.

        Raises:
            ManifestRefused: the manifest of the profile cannot be used.
        """
        source = context.profile.models
        defaults = context.defaults or context.locations
        return cls.on(
            context,
            manifest=load_manifest(source) if source else Manifest(format=1, models=[]),
            models=context.locations.models,
            default_models=defaults.models,
            state=context.locations.state / "model_downloader",
            owner=f"{context.name} of {context.profile.name}",
            sources=context.profile.sources,
            keeps_settings=context.profile.keeps_settings,
        )

    @classmethod
    def on(
        cls,
        bus: BusContext,
        *,
        manifest: Manifest,
        models: Path,
        default_models: Path | None = None,
        state: Path | None = None,
        owner: str = "model_downloader",
        sources: SourcesTable | None = None,
        keeps_settings: bool = False,
    ) -> Self:
        """The context of a downloader whose connection to the bus is there."""
        return cls(
            peer=bus.peer,
            tasks=bus.tasks,
            alerts=bus.alerts,
            metrics=bus.metrics,
            manifest=manifest,
            models=models,
            default_models=default_models,
            state=state,
            owner=owner,
            sources=sources or SourcesTable(),
            keeps_settings=keeps_settings,
        )
