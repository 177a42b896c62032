"""The kernel names the process that holds a home. No file and no reused number can name another."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from actors.runtime.supervisor.host.home.home_holder import HolderUnseen, HomeHolder, find_holder, holder_pid
from actors.runtime.supervisor.host.home.home_lock import take_home
from actors.shared.durable.directory_lock import HOLDER_NAME, LOCK_NAME, DirectoryLock

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asks this kernel")

HOLD = """
import pathlib, sys
from actors.runtime.supervisor.host.home.home_lock import take_home
lock = take_home(pathlib.Path(sys.argv[1]), "x", is_supervisor=sys.argv[2] == "supervisor")
print("held", flush=True)
input()
"""

Hold = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def hold() -> Iterator[Hold]:
    """Processes that hold a home."""
    started: list[subprocess.Popen[bytes]] = []

    def run(state: Path, who: str = "supervisor") -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(state), who], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def test_nobody_holds_a_home_that_is_not_there_or_whose_lock_is_free(tmp_path: Path) -> None:
    assert find_holder(tmp_path / "nowhere") is None
    with take_home(tmp_path, "x"):
        pass
    assert find_holder(tmp_path) is None


@pytest.mark.parametrize("spoil", [lambda note: note.unlink(), lambda note: note.write_text('{"pid": 1')])
def test_the_holder_is_found_without_its_note(
    tmp_path: Path, hold: Hold, spoil: Callable[[Path], None]
) -> None:
    process = hold(tmp_path)
    spoil(tmp_path / HOLDER_NAME)
    holder = find_holder(tmp_path)
    assert holder is not None
    assert holder.pid == process.pid
    assert not holder.wait(0.0)
    holder.terminate()
    assert holder.wait(10.0)
    holder.terminate()
    holder.close()
    assert find_holder(tmp_path) is None


def test_a_note_that_names_a_stranger_deceives_nobody(tmp_path: Path, hold: Hold) -> None:
    process = hold(tmp_path)
    note = tmp_path / HOLDER_NAME
    note.write_text(note.read_text().replace(str(process.pid), str(os.getpid())))
    assert holder_pid(tmp_path) == process.pid


def test_a_copy_of_a_held_home_is_held_by_nobody(tmp_path: Path, hold: Hold) -> None:
    hold(tmp_path / "state")
    shutil.copytree(tmp_path / "state", tmp_path / "copy")
    assert (tmp_path / "copy" / HOLDER_NAME).exists()
    assert find_holder(tmp_path / "copy") is None


def test_a_command_that_holds_the_lock_for_a_moment_is_no_supervisor(tmp_path: Path, hold: Hold) -> None:
    process = hold(tmp_path, "command")
    with pytest.raises(HolderUnseen, match=f"locked, by x \\(process {process.pid}\\)"):
        find_holder(tmp_path)


def test_without_record_locks_note_and_start_time_decide(tmp_path: Path) -> None:
    """The kernel never names our own process to us, so this is what a file system without them is like."""
    with take_home(tmp_path, "x"):
        assert holder_pid(tmp_path) == os.getpid()
        note = tmp_path / HOLDER_NAME
        note.write_text(note.read_text().replace(f'"pid":{os.getpid()}', '"pid":1'))
        with pytest.raises(HolderUnseen, match="process 1"):
            holder_pid(tmp_path)
        note.unlink()
        with pytest.raises(HolderUnseen, match="nobody says by whom"):
            holder_pid(tmp_path)


def test_a_lock_without_the_byte_of_a_supervisor_is_that_of_another(tmp_path: Path) -> None:
    with DirectoryLock(tmp_path, "somebody"), pytest.raises(HolderUnseen, match="somebody"):
        holder_pid(tmp_path)
    assert (tmp_path / LOCK_NAME).exists()


def test_the_end_of_a_zombie_is_seen(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        holder = HomeHolder(process.pid)
        os.kill(process.pid, signal.SIGKILL)
        assert holder.wait(10.0)  # nobody has waited for it yet
        holder.close()
