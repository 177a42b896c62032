"""What others need to find a running runtime comes back by itself."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from actors.runtime.supervisor.host.broker_endpoints import choose_endpoints, run_directory
from actors.runtime.supervisor.host.home import runtime_file
from actors.runtime.supervisor.host.home.home_lock import AlreadyRunning, HomeLock, take_home
from actors.runtime.supervisor.host.home.home_watch import HomeWatch
from actors.runtime.supervisor.host.home.runtime_file import RuntimeFile
from actors.shared.durable.directory_lock import LOCK_NAME
from bus.discovery import Runtime, read_runtime

pytestmark = pytest.mark.skipif(os.name != "posix", reason="removes what is open")

OURS = Runtime(app="a", pid=os.getpid(), started_at=1.0, lane="ipc://lane", feed="ipc://feed", token="secret")


def _of_somebody_else(path: Path) -> Path:
    """A file beside the home, to which a link leads."""
    found = path.parent.parent / "theirs"
    found.write_text("theirs")
    return found


class Home:
    """A home that is held and watched."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.lock: HomeLock = take_home(state, "a")
        self.file = RuntimeFile(state / "runtime.json")
        self.said: list[str] = []
        self.lost: list[str] = []
        choose_endpoints(state, "ipc")
        self.file.write(OURS)
        self.watch = HomeWatch(self.lock, self.file, True, self.said.append, self.lost.append)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "state")


def test_a_whole_home_is_left_alone(home: Home) -> None:
    before = home.file.path.stat()
    assert home.watch.look() == ([], "")
    after = home.file.path.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.unlink(),
        lambda path: path.write_text("{}"),
        lambda path: path.chmod(0o644),
        lambda path: path.chmod(0o000),
        lambda path: (path.unlink(), path.mkdir()),
        lambda path: (path.unlink(), path.symlink_to(_of_somebody_else(path))),
        lambda path: (path.rename(path.with_name("moved")), path.symlink_to("moved")),
        lambda path: (path.unlink(), os.mkfifo(path)),
    ],
    ids=["removed", "another's", "open", "closed", "directory", "link", "link to the same", "fifo"],
)
def test_runtime_json_is_written_anew(home: Home, spoil: Callable[[Path], object]) -> None:
    spoil(home.file.path)
    restored, fault = home.watch.look()
    assert ([what.rpartition("/")[2] for what in restored], fault) == (
        ["runtime.json was removed or changed; it is written anew"],
        "",
    )
    assert read_runtime(home.file.path) == OURS
    assert stat.S_IMODE(home.file.path.lstat().st_mode) == 0o600
    assert home.watch.look() == ([], "")
    theirs = home.state.parent / "theirs"
    assert not theirs.exists() or theirs.read_text() == "theirs"


def test_the_whole_state_directory_comes_back(home: Home) -> None:
    shutil.rmtree(home.state)
    restored, fault = home.watch.look()
    assert (len(restored), fault) == (3, "")
    assert read_runtime(home.file.path) == OURS
    assert run_directory(home.state).is_dir()
    assert home.watch.look() == ([], "")


def test_the_home_stays_locked_although_the_lock_file_was_removed(home: Home) -> None:
    (home.state / LOCK_NAME).unlink()
    restored, _ = home.watch.look()
    assert len(restored) == 1
    with pytest.raises(AlreadyRunning):
        take_home(home.state, "b")


def test_modes_without_which_nobody_can_use_the_home_are_given_back(home: Home) -> None:
    (home.state / LOCK_NAME).chmod(0)
    home.state.chmod(0)
    home.watch.look()
    assert stat.S_IMODE(home.state.stat().st_mode) == 0o700
    assert stat.S_IMODE((home.state / LOCK_NAME).stat().st_mode) == 0o600


def test_what_cannot_be_restored_is_told_and_tried_again(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    home.file.path.unlink()
    with monkeypatch.context() as patched:
        patched.setattr(runtime_file, "replace_file", full)
        restored, fault = home.watch.look()
    assert restored == []
    assert "cannot be restored" in fault
    assert len(home.watch.look()[0]) == 1


def test_a_directory_in_the_place_of_the_file_is_put_aside(home: Home) -> None:
    home.file.path.unlink()
    home.file.path.mkdir()
    (home.file.path / "something").touch()
    restored, fault = home.watch.look()
    assert (len(restored), fault) == (1, "")
    assert read_runtime(home.file.path) == OURS
    assert (home.state / "runtime.json.corrupt" / "something").exists()


def test_after_the_end_nothing_comes_back(home: Home) -> None:
    home.watch.close()
    home.file.path.unlink()
    assert home.watch.look() == ([], "")
    assert not home.file.path.exists()


@pytest.mark.anyio
async def test_a_home_that_another_has_taken_is_given_up(home: Home) -> None:
    (home.state / LOCK_NAME).unlink()
    with take_home(home.state, "b"):
        await asyncio.wait_for(home.watch.run(), 20)
    assert len(home.lost) == 1
    assert "another runtime has taken this home" in home.lost[0]


@pytest.mark.anyio
async def test_what_was_restored_is_said(home: Home) -> None:
    home.file.path.unlink()
    said = asyncio.Event()
    watch = HomeWatch(home.lock, home.file, True, lambda text: said.set(), home.lost.append)
    running = asyncio.ensure_future(watch.run())
    await asyncio.wait_for(said.wait(), 20)
    running.cancel()
    assert read_runtime(home.file.path) == OURS
