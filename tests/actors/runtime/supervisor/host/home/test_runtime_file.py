"""`runtime.json` is private, whole, and never outlives its truth."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import msgspec
import pytest

from actors.runtime.supervisor.host.home.runtime_file import RuntimeFile
from bus.discovery import CurveKeys, Runtime, read_runtime
from tests.support.strange_files import FILE_MUTATIONS, Mutation, bounded_memory

MUTATIONS = [one for one in FILE_MUTATIONS if one.name != "unreadable" or os.geteuid()]

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


@pytest.mark.skipif(os.name != "posix", reason="plants links")
@pytest.mark.parametrize("step", ["remove_stale", "restore"])
def test_a_link_in_its_place_is_removed_and_never_written_through(tmp_path: Path, step: str) -> None:
    victim, file = tmp_path / "victim", RuntimeFile(tmp_path / "runtime.json")
    if step == "restore":
        file.write(RUNTIME)
        file.path.unlink()
    file.path.symlink_to(victim)  # dangling, so that nothing seems to be there
    getattr(file, step)()
    file.write(RUNTIME)
    assert not victim.exists()
    assert read_runtime(file.path) == RUNTIME


def test_a_second_name_is_shaken_off(tmp_path: Path) -> None:
    file = RuntimeFile(tmp_path / "runtime.json")
    file.write(RUNTIME)
    assert not file.restore()
    os.link(file.path, tmp_path / "second")
    assert file.restore()
    assert read_runtime(file.path) == RUNTIME


@pytest.mark.requirement("S0-4")
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda one: one.name)
def test_whatever_lies_in_its_place_the_next_runtime_is_found(mutation: Mutation, tmp_path: Path) -> None:
    file = RuntimeFile(tmp_path / "runtime.json")
    file.write(RUNTIME)
    trace = mutation.leave(file.path)
    with bounded_memory():
        file.remove_stale()
        file.write(RUNTIME)
        assert read_runtime(file.path) == RUNTIME
        assert trace.kind != "directory" or trace.is_kept(tmp_path)
        trace = mutation.leave(file.path)
        assert file.restore()
        assert read_runtime(file.path) == RUNTIME
    assert trace.kind != "directory" or trace.is_kept(tmp_path)
    file.remove(RUNTIME.pid)
    assert not file.path.exists()


def test_endpoints_that_an_earlier_runtime_left_keep_no_other_from_starting(tmp_path: Path) -> None:
    open_to_all = tmp_path / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    file = RuntimeFile(tmp_path / "runtime.json")
    file.write(msgspec.structs.replace(RUNTIME, lane=f"ipc://{open_to_all}/lane"))
    file.remove_stale()
    assert not file.path.exists()
