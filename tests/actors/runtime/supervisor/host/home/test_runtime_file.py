"""`runtime.json` is private, whole, and never outlives its truth."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from actors.runtime.supervisor.host.home.runtime_file import RuntimeFile
from bus.discovery import CurveKeys, Runtime, read_runtime

RUNTIME = Runtime(
    app="a",
    pid=123,
    started_at=1.0,
    lane="tcp://127.0.0.1:1",
    feed="tcp://127.0.0.1:2",
    token="secret",
    curve=CurveKeys(server_public="p", client_public="c", client_secret="s"),
)


def test_what_is_written_is_what_clients_read_and_nobody_else_can(tmp_path: Path) -> None:
    file = RuntimeFile(tmp_path / "runtime.json")
    file.write(RUNTIME)
    assert read_runtime(file.path) == RUNTIME
    if os.name == "posix":
        assert stat.S_IMODE(file.path.stat().st_mode) == 0o600


def test_what_an_earlier_runtime_left_is_removed_and_named(tmp_path: Path) -> None:
    file = RuntimeFile(tmp_path / "runtime.json")
    assert file.remove_stale() is None
    file.write(RUNTIME)
    assert file.remove_stale() == 123
    assert not file.path.exists()


def test_a_leftover_that_cannot_be_read_is_removed_too(tmp_path: Path) -> None:
    file = RuntimeFile(tmp_path / "runtime.json")
    file.path.write_bytes(b"\xff{")
    assert file.remove_stale() is None
    assert not file.path.exists()


def test_at_the_end_only_the_own_file_is_removed(tmp_path: Path) -> None:
    file = RuntimeFile(tmp_path / "runtime.json")
    file.write(RUNTIME)
    file.remove(pid=999)
    assert file.path.exists()
    file.remove(pid=123)
    assert not file.path.exists()
    file.remove(pid=123)
