"""Finds and reads `runtime.json`, which tells a client where the broker listens, and has the keys to it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from bus.errors import NotRunning
from bus.own_places import check_endpoints, open_own_file
from schemas.bounds import Count, ProcessId, UnixSeconds

PROTOCOL_VERSION = 2
DEFAULT_APP = "undercroft"
RUNTIME_LIMIT_BYTES = 64 * 1024
CREDENTIAL_VARIABLE = "UNDERCROFT_CREDENTIAL"
"""Environment variable in which the supervisor hands a command its credential, as `name:secret`."""


class CurveKeys(msgspec.Struct, frozen=True, kw_only=True):
    """Keys of CurveZMQ (RFC 26), each as 40 characters of Z85. Only for TCP."""

    server_public: str
    client_public: str
    client_secret: str


class Runtime(msgspec.Struct, frozen=True, kw_only=True):
    """The content of `runtime.json`.

    Attributes:
        app: name of the app.
        pid: process id of the supervisor; the file is stale if that process has ended.
        started_at: seconds since the Unix epoch.
        lane, feed: ZeroMQ endpoints.
        token: what HELLO has to present.
        protocol: version of the wire protocol.
        curve: keys, where the endpoints are TCP.
        profile: directory of the profile that the runtime runs.
    """

    app: str
    pid: ProcessId
    started_at: UnixSeconds
    lane: str
    feed: str
    token: str
    protocol: Count = PROTOCOL_VERSION
    curve: CurveKeys | None = None
    profile: str = ""


def state_directory(
    app: str = DEFAULT_APP,
    home: str | os.PathLike[str] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Path:
    """The directory of an app's state: below `home`, below UNDERCROFT_HOME, or the platform's place."""
    root = home or environ.get("UNDERCROFT_HOME")
    if root:
        return Path(root).expanduser().absolute() / "state"
    import platformdirs

    return Path(platformdirs.user_state_dir(app, appauthor=False))


def runtime_path(
    app: str = DEFAULT_APP,
    home: str | os.PathLike[str] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Path:
    """The path of `runtime.json`: UNDERCROFT_RUNTIME, unless `home` is given, else in the state directory."""
    if not home and (named := environ.get("UNDERCROFT_RUNTIME")):
        return Path(named)
    return state_directory(app, home, environ) / "runtime.json"


def read_runtime(path: Path) -> Runtime:
    """Read `runtime.json`.

    Raises:
        NotRunning: it is absent, unreadable, or of another version.
        UnsafePlace: others own it, its directory or that of the sockets, or can write to them.
    """
    try:
        with os.fdopen(open_own_file(path), "rb") as file:
            content = file.read(RUNTIME_LIMIT_BYTES + 1)
    except FileNotFoundError:
        raise NotRunning(str(path), "there is no such file") from None
    except OSError as error:
        raise NotRunning(str(path), f"it cannot be read ({error.strerror})") from error
    if len(content) > RUNTIME_LIMIT_BYTES:
        raise NotRunning(
            str(path), f"it is not a runtime file (it has more than {RUNTIME_LIMIT_BYTES:,} bytes)"
        )
    try:
        runtime = msgspec.json.decode(content, type=Runtime)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotRunning(str(path), f"it is not a runtime file ({error})") from error
    if runtime.protocol != PROTOCOL_VERSION:
        raise NotRunning(
            str(path), f"it speaks protocol {runtime.protocol}; this client speaks {PROTOCOL_VERSION}"
        )
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


def is_alive(pid: int) -> bool:
    """Whether a process with this id runs. It may be another one that got the same id. A zombie has ended."""
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
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    """Whether it has ended, and its parent has not taken note yet. Linux only."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read(4096).rpartition(b")")[2].split()[:1] in ([b"Z"], [b"X"])
    except OSError:
        return False
