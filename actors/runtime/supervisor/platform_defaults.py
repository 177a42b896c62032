"""What differs by platform: how peers reach the broker, and how processes are created."""

from __future__ import annotations

import sys
from typing import Final, Literal

Transport = Literal["ipc", "tcp"]
DEFAULT_TRANSPORT: Final[Transport] = "tcp" if sys.platform == "win32" else "ipc"

SpawnMethod = Literal["fork", "spawn"]
"""`fork`: from a process that has everything imported. `spawn`: a fresh interpreter for each."""

DEFAULT_SPAWN_METHOD: Final[SpawnMethod] = "fork" if sys.platform == "linux" else "spawn"
