"""The one file that a client needs is found, read, and not trusted blindly."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from bus.discovery import (
    CREDENTIAL_VARIABLE,
    PROTOCOL_VERSION,
    RUNTIME_LIMIT_BYTES,
    CurveKeys,
    Runtime,
    environment_credential,
    is_alive,
    read_runtime,
    runtime_path,
    state_directory,
)
from bus.errors import NotRunning, UnsafePlace

CURVE = CurveKeys(server_public="a", client_public="b", client_secret="c")
RUNTIME = Runtime(
    app="x", pid=1, started_at=2.0, lane="tcp://127.0.0.1:1", feed="tcp://127.0.0.1:2", token="t", curve=CURVE
)


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    path.chmod(0o600)
    return path


def test_the_file_is_found_by_variable_home_or_platform(tmp_path: Path) -> None:
    home = str(tmp_path)
    assert runtime_path("x", home, {}) == tmp_path / "state" / "runtime.json"
    assert runtime_path("x", None, {"UNDERCROFT_HOME": home}) == tmp_path / "state" / "runtime.json"
    assert runtime_path("x", None, {"UNDERCROFT_RUNTIME": "/r.json", "UNDERCROFT_HOME": home}) == Path(
        "/r.json"
    )
    assert runtime_path("x", home, {"UNDERCROFT_RUNTIME": "/r.json"}) == tmp_path / "state" / "runtime.json"
    assert state_directory("some-app", None, {}).name in ("some-app", "State")


def test_what_was_written_is_read(tmp_path: Path) -> None:
    assert read_runtime(written(tmp_path / "r", msgspec.json.encode(RUNTIME))) == RUNTIME


def test_fields_of_a_later_version_are_skipped(tmp_path: Path) -> None:
    content = msgspec.to_builtins(RUNTIME) | {"later": True}
    assert read_runtime(written(tmp_path / "r", msgspec.json.encode(content))) == RUNTIME


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "not a runtime file"),
        (b"{", "not a runtime file"),
        (b'{"app": 1}', "not a runtime file"),
        (b'{"app": "\xff\xfe"}', "not a runtime file"),
        (b"[" * 5000, "not a runtime file"),
        (
            msgspec.json.encode(RUNTIME).replace(b'"pid":', b'"pid":18446744073709551615,"":'),
            "not a runtime file",
        ),
        (b" " * (RUNTIME_LIMIT_BYTES + 1) + msgspec.json.encode(RUNTIME), "not a runtime file"),
        (
            msgspec.json.encode(msgspec.structs.replace(RUNTIME, protocol=PROTOCOL_VERSION + 1)),
            "speaks protocol 3",
        ),
    ],
)
def test_what_is_no_runtime_file_is_said_so(content: bytes, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(NotRunning, match=sentence):
        read_runtime(written(tmp_path / "r", content))


def test_a_file_that_is_absent_or_a_directory_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(NotRunning, match="no such file"):
        read_runtime(tmp_path / "r")
    with pytest.raises(NotRunning, match="cannot be read"):
        read_runtime(tmp_path / ("x" * 300))
    with pytest.raises(UnsafePlace, match="it is a directory"):
        read_runtime(tmp_path)


def test_a_credential_counts_only_under_its_own_name_and_with_its_own_runtime(tmp_path: Path) -> None:
    path = written(tmp_path / "r", msgspec.json.encode(RUNTIME))
    environ = {"UNDERCROFT_RUNTIME": str(path), CREDENTIAL_VARIABLE: "engine:se:cret"}
    assert environment_credential("engine", RUNTIME, environ) == "se:cret"
    assert environment_credential("tray", RUNTIME, environ) is None
    other = msgspec.structs.replace(RUNTIME, lane="ipc:///elsewhere")
    assert environment_credential("engine", other, environ) is None, "another broker must not see it"
    copy = written(tmp_path / "copy", path.read_bytes())
    assert environment_credential("engine", read_runtime(copy), environ) == "se:cret"


@pytest.mark.parametrize("found", [None, "", "engine", "engine:", ":secret"])
def test_without_a_credential_a_peer_is_a_guest(found: str | None, tmp_path: Path) -> None:
    path = written(tmp_path / "r", msgspec.json.encode(RUNTIME))
    environ = {"UNDERCROFT_RUNTIME": str(path)} | ({} if found is None else {CREDENTIAL_VARIABLE: found})
    assert environment_credential("engine", RUNTIME, environ) is None
    assert environment_credential("engine", RUNTIME, {CREDENTIAL_VARIABLE: "engine:secret"}) is None
    gone = {"UNDERCROFT_RUNTIME": str(tmp_path / "gone"), CREDENTIAL_VARIABLE: "engine:secret"}
    assert environment_credential("engine", RUNTIME, gone) is None


def test_a_process_is_alive_until_it_is_not() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert is_alive(child.pid)
    child.communicate()
    assert os.name == "nt" or not is_alive(child.pid)
    assert not is_alive(0)
    assert not is_alive(-1)
