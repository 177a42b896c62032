"""What differs by platform has a default that works there."""

from __future__ import annotations

import sys
from typing import get_args

from actors.runtime.supervisor.supervisor_options import (
    DEFAULT_SPAWN_METHOD,
    DEFAULT_TRANSPORT,
    SpawnMethod,
    Transport,
)


def test_processes_are_forked_on_linux_and_sockets_lie_in_directories_where_there_are_such() -> None:
    assert ("fork" if sys.platform == "linux" else "spawn") == DEFAULT_SPAWN_METHOD
    assert ("tcp" if sys.platform == "win32" else "ipc") == DEFAULT_TRANSPORT
    assert DEFAULT_SPAWN_METHOD in get_args(SpawnMethod)
    assert DEFAULT_TRANSPORT in get_args(Transport)
