"""What a supervisor is to run, and what of that differs by platform."""

from __future__ import annotations

import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from actors.shared.locations.locations import Locations
from actors.shared.profile.profile import Profile

Transport = Literal["ipc", "tcp"]
DEFAULT_TRANSPORT: Final[Transport] = "tcp" if sys.platform == "win32" else "ipc"

SpawnMethod = Literal["fork", "spawn"]
"""`fork`: from a process that has everything imported. `spawn`: a fresh interpreter for each."""

DEFAULT_SPAWN_METHOD: Final[SpawnMethod] = "fork" if sys.platform == "linux" else "spawn"


@dataclass(frozen=True, kw_only=True)
class DeveloperOptions:
    """What the developer of an app wants of its runtime.

    Attributes:
        apart: name of an actor that somebody else runs, with a credential of the environment; empty for none.
        reload: start again what runs a file of the app that has changed.
    """

    apart: str = ""
    reload: bool = False


NOT_DEVELOPING: Final = DeveloperOptions()


@dataclass(frozen=True, kw_only=True)
class SupervisorOptions:
    """What a supervisor is to run.

    Attributes:
        home: as the person gave it, for messages; empty for the platform's directories.
        locations: as they are at the start.
        defaults: the directories without any choice; None: the same.
        peer_credentials: what the launcher chose for named peers that are no children, by name.
        developing: what the developer of the app wants.
        ends_process: the process ends with the supervisor, so a late SIGTERM changes nothing any more.
        server: a fork server that was forked before any ZeroMQ context existed; None for a fresh one.
    """

    app: str
    home: str
    locations: Locations
    profile: Profile
    runtime_path: Path
    transport: Transport
    spawn_method: SpawnMethod = DEFAULT_SPAWN_METHOD
    server: tuple[int, socket.socket] | None = None
    defaults: Locations | None = None
    peer_credentials: Mapping[str, str] = field(default_factory=dict, repr=False)
    developing: DeveloperOptions = NOT_DEVELOPING
    ends_process: bool = False

    @property
    def home_directory(self) -> str:
        """What a command finds for `{home}`: where everything of the app lies, else where its state does."""
        return str(Path(self.home).expanduser().absolute() if self.home else self.locations.state)
