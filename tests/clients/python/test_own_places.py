"""The client refuses what the runtime would refuse: one suite of spoiled places for both."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

import bus.errors
import bus.own_places
from tests.support.other_user import STRANGER, needs_other_user
from undercroft_client import NotRunning, UnsafePlace
from undercroft_client.own_places import check_directory, check_endpoints, open_own_file

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Windows keeps others out by access lists")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    directory = tmp_path / "my home" / "state"
    directory.mkdir(parents=True, mode=0o700)
    return directory


def told(act: Callable[[], object]) -> tuple[str, str]:
    """What is refused, and the command; empty: nothing."""
    try:
        act()
    except (UnsafePlace, bus.errors.UnsafePlace) as refused:
        assert refused.command in str(refused)
        return refused.path, refused.command
    return "", ""


@pytest.mark.parametrize("mode", [0o700, 0o755, 0o777, 0o770, 0o702, 0o1777])
@pytest.mark.parametrize("spoiled", ["", ".."])
@pytest.mark.parametrize("asked", ["", "run", "../state", "../link"])
def test_client_and_runtime_judge_a_directory_alike(state: Path, mode: int, spoiled: str, asked: str) -> None:
    (state.parent / "link").symlink_to("state/../state")
    (state / spoiled).chmod(mode)
    ours = told(lambda: check_directory(state / asked))
    assert ours == told(lambda: bus.own_places.check_own_directory(state / asked))
    may_be_open = mode & stat.S_ISVTX and (spoiled or asked == "run")
    assert bool(ours[0]) == bool(mode & 0o022 and not may_be_open)


@needs_other_user
@pytest.mark.parametrize("spoiled", ["", ".."])
def test_client_and_runtime_refuse_what_another_user_owns(state: Path, spoiled: str) -> None:
    os.chown(state / spoiled, STRANGER, STRANGER)
    ours = told(lambda: check_directory(state))
    assert ours == told(lambda: bus.own_places.check_own_directory(state))
    assert f"chown {'-h' if spoiled else '-R'} 0 " in ours[1]


def test_a_file_or_a_circle_of_links_in_the_way(state: Path) -> None:
    (state / "file").touch()
    assert told(lambda: check_directory(state / "file" / "below"))[1].startswith("mv ")
    (state / "circle").symlink_to("circle")
    assert told(lambda: check_directory(state / "circle")) == ("", "")


@pytest.mark.parametrize("spoil", ["nothing", "mode", "link", "second name", "pipe", "directory", "owner"])
def test_client_and_runtime_judge_a_file_alike(state: Path, spoil: str) -> None:
    path = state / "runtime.json"
    path.touch(mode=0o600)
    match spoil:
        case "mode":
            path.chmod(0o604)
        case "link":
            path.rename(state / "elsewhere")
            path.symlink_to("elsewhere")
        case "second name":
            os.link(path, state / "second")
        case "pipe":
            path.unlink()
            os.mkfifo(path, 0o600)
        case "directory":
            path.unlink()
            path.mkdir()
        case "owner":
            if os.geteuid() != 0:
                pytest.skip("gives a file away, which takes root")
            os.chown(path, STRANGER, STRANGER)
    ours = told(lambda: os.close(open_own_file(path)))
    assert ours == told(lambda: os.close(bus.own_places.open_own_file(path)))
    assert ours[0] == ("" if spoil == "nothing" else str(path))


def test_a_file_that_is_absent_is_said_so(state: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_own_file(state / "runtime.json")


def test_endpoints_are_as_good_as_their_directory(state: Path) -> None:
    check_endpoints(f"ipc://{state}/lane", "tcp://127.0.0.1:5555")
    state.chmod(0o777)
    with pytest.raises(NotRunning, match="chmod go-w"):
        check_endpoints("tcp://127.0.0.1:5555", f"ipc://{state}/lane")
