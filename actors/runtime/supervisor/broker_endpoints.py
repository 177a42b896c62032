"""Where the broker listens: ipc sockets in a private directory, or loopback TCP."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import sys
import tempfile
from pathlib import Path
from typing import Final, Literal, NamedTuple

from bus.errors import OperatorError

Transport = Literal["ipc", "tcp"]
DEFAULT_TRANSPORT: Final[Transport] = "tcp" if sys.platform == "win32" else "ipc"
PATH_LIMIT_BYTES: Final = 100
"""A path of a socket holds 107 bytes on Linux and 103 on macOS (sun_path)."""


class Endpoints(NamedTuple):
    """ZeroMQ endpoints to bind."""

    lane: str
    feed: str


class RunDirectoryRefused(OperatorError):
    """The directory for the sockets is not ours alone.

    Attributes:
        path: the directory.
        detail: what is wrong with it.
    """

    path: str
    detail: str
    words = "{path}: {detail}, expected a directory of ours with mode 0700; remove it and start again"


def choose_endpoints(state: Path, transport: Transport) -> Endpoints:
    """Endpoints for a runtime whose state lies there. For ipc the directory is made, and is ours alone.

    Raises:
        RunDirectoryRefused: somebody else made that directory.
        OSError: it cannot be made.
    """
    if transport == "tcp":
        return Endpoints("tcp://127.0.0.1:*", "tcp://127.0.0.1:*")
    directory = run_directory(state)
    _make_private(directory)
    return Endpoints(f"ipc://{directory / 'lane'}", f"ipc://{directory / 'feed'}")


def run_directory(state: Path, temporary: Path | None = None) -> Path:
    """`<state>/run`, or one below the temporary directory when the path would be too long for a socket."""
    directory = state / "run"
    if len(os.fsencode(directory / "lane")) <= PATH_LIMIT_BYTES:
        return directory
    digest = hashlib.sha256(os.fsencode(state)).hexdigest()[:16]
    return (temporary or Path(tempfile.gettempdir())) / f"undercroft-{os.getuid()}-{digest}"


def discard_run_directory(state: Path) -> None:
    """Leave no sockets behind, and no directory; to be called under the lock of the home, when the broker has ended."""
    directory = run_directory(state)
    with contextlib.suppress(OSError):  # what cannot be removed is used again at the next start
        for name in ("lane", "feed"):
            (directory / name).unlink(missing_ok=True)
        directory.rmdir()


def _make_private(directory: Path) -> None:
    directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        directory.mkdir(mode=0o700)
    except FileExistsError:
        found = directory.lstat()
        if not stat.S_ISDIR(found.st_mode):
            raise RunDirectoryRefused(str(directory), "it is not a directory") from None
        if found.st_uid != os.getuid():
            raise RunDirectoryRefused(str(directory), f"it belongs to user {found.st_uid}") from None
        directory.chmod(0o700)
