"""Finds and reads `runtime.json`, which tells where the broker listens, and has the keys to it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

import msgspec

from undercroft_client.errors import NotRunning
from undercroft_client.own_places import check_endpoints, open_own_file

PROTOCOL_VERSION: Final = 2
DEFAULT_APP: Final = "undercroft"
FILE_LIMIT_BYTES: Final = 64 * 1024
CREDENTIAL_VARIABLE: Final = "UNDERCROFT_CREDENTIAL"
"""Environment variable in which the supervisor hands a command its credential, as `name:secret`."""


class CurveKeys(msgspec.Struct, frozen=True, kw_only=True):
    """Keys of CurveZMQ, each as 40 characters of Z85. Only for TCP."""

    server_public: str
    client_public: str
    client_secret: str


class Runtime(msgspec.Struct, frozen=True, kw_only=True):
    """The content of `runtime.json`. `pid`: of the supervisor; `token`: what a guest presents in HELLO."""

    protocol: int
    app: str
    pid: Annotated[int, msgspec.Meta(ge=0, le=2**32)]
    started_at: float
    lane: str
    feed: str
    token: str
    curve: CurveKeys | None = None


def runtime_path(
    app: str = DEFAULT_APP,
    home: str | os.PathLike[str] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Path:
    """The path of `runtime.json` of an app, or of the runtime below `home`."""
    if home is None and (named := environ.get("UNDERCROFT_RUNTIME")):
        return Path(named)
    if root := home or environ.get("UNDERCROFT_HOME"):
        return Path(root).expanduser().absolute() / "state" / "runtime.json"
    return _state_root(environ) / app / "runtime.json"


def read_runtime(path: Path) -> Runtime:
    """Read `runtime.json`.

    Raises:
        NotRunning: it is absent, unreadable, left over, or of another version.
        UnsafePlace: others own it, its directory or that of the sockets, or can write to them.
    """
    try:
        with os.fdopen(open_own_file(path), "rb") as file:
            content = file.read(FILE_LIMIT_BYTES + 1)
    except OSError as error:
        raise NotRunning(str(path), f"it cannot be read ({error.strerror})") from error
    if len(content) > FILE_LIMIT_BYTES:
        raise NotRunning(str(path), f"it is not a runtime file (it has more than {FILE_LIMIT_BYTES} bytes)")
    try:
        runtime = msgspec.json.decode(content, type=Runtime)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotRunning(str(path), f"it is not a runtime file ({error})") from error
    if runtime.protocol != PROTOCOL_VERSION:
        raise NotRunning(
            str(path), f"it speaks protocol {runtime.protocol}; this client speaks {PROTOCOL_VERSION}"
        )
    if not _is_alive(runtime.pid):
        raise NotRunning(str(path), f"it is left over from process {runtime.pid}, which has ended")
    check_endpoints(runtime.lane, runtime.feed)
    return runtime


def environment_credential(
    name: str, runtime: Runtime, environ: Mapping[str, str] = os.environ
) -> str | None:
    """The credential that the supervisor gave to this process, if it is meant for this connection.

    It counts only under the name that it was made for, and only with the runtime that UNDERCROFT_RUNTIME
    names: no other broker gets to see it.
    """
    owner, found, secret = environ.get(CREDENTIAL_VARIABLE, "").partition(":")
    named = environ.get("UNDERCROFT_RUNTIME")
    if not found or not secret or owner != name or not named:
        return None
    try:
        return secret if read_runtime(Path(named)) == runtime else None
    except NotRunning:
        return None


def _state_root(environ: Mapping[str, str]) -> Path:
    if sys.platform == "win32":
        return Path(environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support"
    return Path(environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")


def _is_alive(pid: int) -> bool:
    if pid <= 0:
        return False
    if os.name == "nt":
        return True  # Windows has no signal 0; connecting shows
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
