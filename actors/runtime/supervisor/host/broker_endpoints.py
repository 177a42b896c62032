"""Where the broker listens: ipc sockets in a private directory, or loopback TCP."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shlex
import stat
import tempfile
from pathlib import Path
from typing import Final, NamedTuple

from actors.runtime.supervisor.supervisor_options import Transport
from bus.errors import UnsafePlace
from bus.own_places import check_own_directory

PRIVATE_MODE: Final = 0o700
PATH_LIMIT_BYTES: Final = 100
"""The address of a socket holds a path of 107 bytes on Linux and 103 on macOS (sun_path)."""


class BrokerEndpoints(NamedTuple):
    """ZeroMQ endpoints to bind."""

    lane: str
    feed: str


def choose_endpoints(state: Path, transport: Transport) -> BrokerEndpoints:
    """Choose endpoints for a runtime with this state directory. For ipc, create a private directory.

    Raises:
        UnsafePlace: somebody else owns that directory, or can put another in its place.
        OSError: it cannot be created.
    """
    if transport == "tcp":
        return BrokerEndpoints("tcp://127.0.0.1:*", "tcp://127.0.0.1:*")
    directory = run_directory(state)
    _make_private(directory)
    return BrokerEndpoints(f"ipc://{directory / 'lane'}", f"ipc://{directory / 'feed'}")


def run_directory(state: Path, temporary: Path | None = None) -> Path:
    """`<state>/run`, or a directory below the temporary one if the path is too long for a socket."""
    directory = state / "run"
    if len(os.fsencode(directory / "lane")) <= PATH_LIMIT_BYTES:
        return directory
    digest = hashlib.sha256(os.fsencode(state)).hexdigest()[:16]
    return (temporary or Path(tempfile.gettempdir())) / f"undercroft-{os.getuid()}-{digest}"


def restore_run_directory(state: Path) -> bool:
    """Create the directory again if it was removed, and make it private; whether it was removed.

    The broker then finds that its sockets are gone, and binds them anew.

    Raises:
        UnsafePlace: something else lies in its place.
        OSError: it cannot be created.
    """
    directory = run_directory(state)
    was_gone = not directory.exists()
    if was_gone or stat.S_IMODE(directory.lstat().st_mode) != PRIVATE_MODE:
        _make_private(directory)
    return was_gone


def discard_run_directory(state: Path) -> None:
    """Remove sockets and directory. Call it under the lock of the home, once the broker has ended."""
    directory = run_directory(state)
    with contextlib.suppress(OSError):  # the next start uses what cannot be removed
        for name in ("lane", "feed"):
            (directory / name).unlink(missing_ok=True)
        directory.rmdir()


def _make_private(directory: Path) -> None:
    directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        directory.mkdir(mode=PRIVATE_MODE)
    except FileExistsError:
        found = directory.lstat()
        if not stat.S_ISDIR(found.st_mode):
            step = f"rm {shlex.quote(str(directory))}"
            raise UnsafePlace(str(directory), "it is not a directory", step) from None
        if os.name == "nt" or found.st_uid == os.geteuid():
            directory.chmod(PRIVATE_MODE)
    check_own_directory(directory)
