"""Finding runtime.json, and telling which one can be trusted."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

import bus.discovery
from undercroft_client.errors import NotRunning
from undercroft_client.runtime import (
    FILE_LIMIT_BYTES,
    environment_credential,
    read_runtime,
    runtime_path,
)

CONTENT = {
    "protocol": 2,
    "app": "x",
    "pid": os.getpid(),
    "started_at": 0.0,
    "lane": "tcp://127.0.0.1:1",
    "feed": "tcp://127.0.0.1:2",
    "token": "t",
    "curve": None,
}


def written(directory: Path, content: Any = CONTENT, mode: int = 0o600) -> Path:
    path = directory / "runtime.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    path.chmod(mode)
    return path


@pytest.mark.parametrize(
    ("app", "home", "environ"),
    [
        ("undercroft", None, {}),
        ("other", None, {}),
        ("undercroft", "/h", {"UNDERCROFT_HOME": "/else", "UNDERCROFT_RUNTIME": "/file"}),
        ("undercroft", None, {"UNDERCROFT_HOME": "/else"}),
        ("undercroft", None, {"UNDERCROFT_HOME": "/else", "UNDERCROFT_RUNTIME": "/file"}),
    ],
)
def test_it_is_found_where_the_runtime_itself_would_find_it(
    app: str, home: str | None, environ: dict[str, str]
) -> None:
    environ = {
        **environ,
        **{name: value for name, value in os.environ.items() if name in ("XDG_STATE_HOME", "LOCALAPPDATA")},
    }
    assert runtime_path(app, home, environ) == bus.discovery.runtime_path(app, home, environ)


@pytest.mark.skipif(sys.platform != "linux", reason="XDG is for Linux")
def test_on_linux_the_state_directory_follows_xdg() -> None:
    assert runtime_path("imaginary", None, {"XDG_STATE_HOME": "/s"}) == Path("/s/imaginary/runtime.json")


def test_a_sound_file_is_read_and_later_fields_are_ignored(tmp_path: Path) -> None:
    assert read_runtime(written(tmp_path, {**CONTENT, "novelty": 1})).token == "t"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({**CONTENT, "protocol": 3}, "protocol 3"),
        ({**CONTENT, "pid": 4194305}, "left over"),
        ({**CONTENT, "pid": 0}, "left over"),
        ({**CONTENT, "pid": 2**64}, "not a runtime file"),
        ({"protocol": 2}, "not a runtime file"),
        ("{", "not a runtime file"),
        ("[" * 5000, "not a runtime file"),
        (json.dumps(CONTENT) + " " * FILE_LIMIT_BYTES, "more than 65536 bytes"),
    ],
)
def test_another_file_is_no_runtime(tmp_path: Path, content: Any, says: str) -> None:
    with pytest.raises(NotRunning, match=says):
        read_runtime(written(tmp_path, content))


@pytest.mark.skipif(os.name != "posix", reason="modes are for POSIX")
def test_a_file_that_others_can_read_is_not_trusted(tmp_path: Path) -> None:
    with pytest.raises(NotRunning, match="0640"):
        read_runtime(written(tmp_path, mode=0o640))


def test_a_file_that_is_not_there_names_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(NotRunning, match="start it with 'undercroft up'"):
        read_runtime(tmp_path / "runtime.json")


@pytest.mark.parametrize(
    ("given", "name", "found"),
    [
        ("me:secret", "me", "secret"),
        ("me:with:colons", "me", "with:colons"),
        ("another:secret", "me", None),
        ("me:", "me", None),
        ("me", "me", None),
        ("", "", None),
    ],
)
def test_a_credential_of_the_environment_counts_for_its_name(
    tmp_path: Path, given: str, name: str, found: str | None
) -> None:
    path = written(tmp_path)
    environ = {"UNDERCROFT_CREDENTIAL": given, "UNDERCROFT_RUNTIME": str(path)}
    assert environment_credential(name, read_runtime(path), environ) == found


def test_a_credential_of_the_environment_counts_for_the_runtime_that_it_came_with(tmp_path: Path) -> None:
    for name in ("own", "copy", "other"):
        (tmp_path / name).mkdir()
    own, copy = written(tmp_path / "own"), written(tmp_path / "copy")
    other = written(tmp_path / "other", {**CONTENT, "token": "another"})
    environ = {"UNDERCROFT_CREDENTIAL": "me:secret", "UNDERCROFT_RUNTIME": str(own)}
    assert environment_credential("me", read_runtime(copy), environ) == "secret"
    assert environment_credential("me", read_runtime(other), environ) is None
    assert environment_credential("me", read_runtime(own), {"UNDERCROFT_CREDENTIAL": "me:secret"}) is None
    gone = {**environ, "UNDERCROFT_RUNTIME": str(tmp_path / "nowhere")}
    assert environment_credential("me", read_runtime(own), gone) is None
