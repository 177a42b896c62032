"""A runtime is what holds the lock of the home; its file only says how to reach it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.cli.exit_codes import RuntimeSilent
from actors.cli.options import Target
from actors.cli.runtime.runtime_search import find_runtime, holder_when_seen, state_of
from actors.runtime.supervisor.host.home.home_holder import HolderUnseen
from actors.runtime.supervisor.host.home.home_lock import take_home
from actors.runtime.supervisor.host.home.runtime_file import RuntimeFile
from bus.discovery import Runtime
from bus.errors import NotRunning, UnsafePlace

pytestmark = pytest.mark.skipif(os.name != "posix", reason="asks the kernel for the holder of a lock")

HOLD = """
import pathlib, sys
from actors.runtime.supervisor.host.home.home_lock import take_home
lock = take_home(pathlib.Path(sys.argv[1]), "x")
print("held", flush=True)
input()
"""


class HeldHome:
    """A home that another process holds."""

    def __init__(self, home: Path, process: subprocess.Popen[bytes]) -> None:
        self.target = Target(home=str(home))
        self.state = home / "state"
        self.process = process
        self.file = RuntimeFile(self.state / "runtime.json")

    def write(self, pid: int | None = None) -> Runtime:
        runtime = Runtime(
            app="a",
            pid=pid or self.process.pid,
            started_at=1.0,
            lane="ipc://l",
            feed="ipc://f",
            token="secret",
        )
        self.file.write(runtime)
        return runtime


@pytest.fixture
def held(tmp_path: Path) -> Iterator[HeldHome]:
    home = tmp_path / "home"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(home / "state")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield HeldHome(home, process)
        process.kill()


def test_a_file_that_fits_the_lock_is_taken(held: HeldHome) -> None:
    written = held.write()
    assert find_runtime(held.target) == written


def test_a_home_that_was_never_used(tmp_path: Path) -> None:
    with pytest.raises(NotRunning, match="there is no such file"):
        find_runtime(Target(home=str(tmp_path)))


@pytest.mark.parametrize("spoil", ["missing", "another", "garbage"])
def test_a_file_that_does_not_fit_is_waited_for_but_not_for_ever(held: HeldHome, spoil: str) -> None:
    if spoil != "missing":
        held.write(os.getpid())
    if spoil == "garbage":
        held.file.path.write_text("{")
    with pytest.raises(RuntimeSilent, match=f"process {held.process.pid} is its runtime") as caught:
        find_runtime(held.target, within_seconds=0.1)
    assert "undercroft up'" not in str(caught.value)  # that would say it is up already


def test_a_file_that_others_can_read_is_waited_for_and_then_told_with_its_command(held: HeldHome) -> None:
    held.write()
    held.file.path.chmod(0o644)
    with pytest.raises(UnsafePlace, match="run: chmod 600 "):
        find_runtime(held.target, within_seconds=0.1)


def test_in_a_home_that_others_can_write_to_no_holder_is_believed(held: HeldHome) -> None:
    held.write()
    held.state.chmod(0o777)
    for asked in (lambda: find_runtime(held.target), lambda: holder_when_seen(held.state)):
        with pytest.raises(UnsafePlace, match="run: chmod go-w "):
            asked()


def test_a_file_that_comes_back_is_taken(held: HeldHome) -> None:
    timer = threading.Timer(0.2, held.write)
    timer.start()
    assert find_runtime(held.target).pid == held.process.pid
    timer.join()


def test_a_runtime_that_ends_meanwhile_is_no_runtime(held: HeldHome) -> None:
    timer = threading.Timer(0.2, held.process.kill)
    timer.start()
    with pytest.raises(NotRunning):
        find_runtime(held.target)
    timer.join()


def test_a_copy_leads_to_no_runtime(held: HeldHome, tmp_path: Path) -> None:
    held.write()
    shutil.copytree(held.state, tmp_path / "copy" / "state")
    with pytest.raises(NotRunning, match=f"names process {held.process.pid}, which does not hold this home"):
        find_runtime(Target(home=str(tmp_path / "copy")))


def test_a_number_that_another_process_has_now_leads_to_no_runtime(tmp_path: Path) -> None:
    with take_home(tmp_path / "state", "x"):
        RuntimeFile(tmp_path / "state" / "runtime.json").write(
            Runtime(app="a", pid=os.getppid(), started_at=1.0, lane="l", feed="f", token="s")
        )
    with pytest.raises(NotRunning, match="does not hold this home"):
        find_runtime(Target(home=str(tmp_path)))


def test_a_holder_that_cannot_be_told_is_waited_for(tmp_path: Path) -> None:
    with take_home(tmp_path, "the doctor", is_supervisor=False), pytest.raises(HolderUnseen):
        holder_when_seen(tmp_path, within_seconds=0.1)


def test_a_variable_names_another_home_by_its_file(held: HeldHome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNDERCROFT_RUNTIME", str(held.file.path))
    assert state_of(Target()) == held.state
    written = held.write()
    assert find_runtime(Target()) == written


def test_a_variable_may_name_a_file_in_no_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNDERCROFT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("UNDERCROFT_RUNTIME", str(tmp_path / "runtime.json"))
    runtime = Runtime(app="a", pid=1, started_at=1.0, lane="l", feed="f", token="s")
    RuntimeFile(tmp_path / "runtime.json").write(runtime)
    assert find_runtime(Target()) == runtime
