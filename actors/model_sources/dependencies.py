"""What the actor works with: its files, its way to servers, its clock."""

from __future__ import annotations

import getpass
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from actors.model_sources.list_store import Shelf
from actors.model_sources.remote_manifest import RemoteManifest
from actors.model_sources.resolver import Resolver
from actors.model_sources.source_client import Door
from actors.shared.credentials.environment_tokens import EnvironmentTokens
from actors.shared.credentials.source_endpoints import SourceEndpoints
from actors.shared.credentials.token_provider import TokenProvider
from actors.shared.manifest import Added
from schemas.sources import LicenceAcceptance

if TYPE_CHECKING:
    from actors.shared.context import ActorContext

DIRECTORY: Final = "model_sources"
ADDED_FILE: Final = "added.json"
ACCEPTED_FILE: Final = "accepted.json"
REMOTE_FILE: Final = "remote.json"


class Switch:
    """Whether the app is offline: by its environment, or by its settings.

    Attributes:
        by_settings: what the settings say now.
    """

    def __init__(self, by_environment: bool) -> None:
        self._by_environment = by_environment
        self.by_settings = False

    def is_offline(self) -> bool:
        """Whether no server is asked."""
        return self._by_environment or self.by_settings


@dataclass(frozen=True)
class Desk:
    """What the actor works with.

    Attributes:
        manifests: files of the profile.
        refresh_seconds: how often the remote manifest is looked for; 0: at the start only.
        now: seconds since the Unix epoch.
        account: name of the account that runs it.
    """

    manifests: tuple[Path, ...]
    added: Shelf[Added]
    accepted: Shelf[LicenceAcceptance]
    remote: RemoteManifest
    resolver: Resolver
    door: Door
    switch: Switch
    refresh_seconds: float = 0.0
    problems: tuple[str, ...] = ()
    now: Callable[[], float] = time.time
    account: Callable[[], str] = getpass.getuser

    @classmethod
    def of(cls, surroundings: ActorContext, environment: Mapping[str, str] = os.environ) -> Self:
        """Build it for a profile and an environment.

        Raises:
            SourceEndpointRefused, PinnedKeyRefused: the profile or the environment names what is none.
        """
        profile, directory = surroundings.profile, surroundings.locations.state / DIRECTORY
        endpoints = SourceEndpoints.read(environment, hub=profile.sources.hf, ollama=profile.sources.ollama)
        tokens = EnvironmentTokens.read(environment, hub=endpoints.hub)
        switch = Switch(endpoints.offline)
        door = Door(TokenProvider(tokens), switch.is_offline, environment)
        return cls(
            manifests=profile.manifests,
            added=Shelf(directory / ADDED_FILE, Added),
            accepted=Shelf(directory / ACCEPTED_FILE, LicenceAcceptance),
            remote=RemoteManifest(profile.manifest, directory / REMOTE_FILE, door),
            resolver=Resolver(door, endpoints),
            door=door,
            switch=switch,
            refresh_seconds=profile.manifest.refresh_hours * 3600,
            problems=tokens.problems,
        )
