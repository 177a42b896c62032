"""What others own, can write to or can replace is not opened; the sentence has the command that mends it."""

from __future__ import annotations

import os
import shlex
import socket
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.errors import UnsafePlace
from bus.own_places import (
    check_endpoints,
    check_own_directory,
    endpoint_stranger,
    file_fault,
    open_own_file,
    stranger_in,
)
from tests.support.other_user import STRANGER, as_user, common_ground, needs_other_user

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Windows keeps others out by access lists")


@pytest.fixture
def ground() -> Iterator[Path]:
    yield from common_ground()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home whose name a shell would take apart."""
    state = tmp_path / "my home; x" / "state"
    state.mkdir(parents=True, mode=0o700)
    return state.parent


def refusal(path: Path) -> UnsafePlace:
    with pytest.raises(UnsafePlace) as caught:
        check_own_directory(path)
    return caught.value


def mend(refused: UnsafePlace) -> None:
    """Run the command, without the sudo that root does not need."""
    subprocess.run(["sh", "-c", refused.command.removeprefix("sudo ")], check=True)


@pytest.mark.parametrize("below", ["", "state", "state/run/not/yet/made"])
def test_what_is_ours_alone_passes(home: Path, below: str) -> None:
    check_own_directory(home / below)


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o720, 0o702, 0o1777])
def test_a_directory_that_others_can_write_to_is_refused_until_its_command_has_run(
    home: Path, mode: int
) -> None:
    (home / "state").chmod(mode)
    refused = refusal(home / "state")
    assert refused.path == str(home / "state")
    if mode & stat.S_ISVTX:  # as /tmp, which nobody should close
        assert refused.command.startswith("mkdir -m 700 ")
        return
    assert shlex.quote(str(home / "state")) in str(refused)
    mend(refused)
    check_own_directory(home / "state")


@pytest.mark.parametrize("mode", [0o777, 0o733])
def test_a_directory_above_that_others_can_write_to_is_refused(home: Path, mode: int) -> None:
    home.chmod(mode)
    refused = refusal(home / "state")
    assert refused.path == str(home)
    mend(refused)
    check_own_directory(home / "state")


def test_above_it_a_sticky_directory_will_do(home: Path) -> None:
    home.chmod(0o1777)
    check_own_directory(home / "state")


def test_a_link_to_a_directory_of_ours_will_do_and_one_through_an_open_directory_will_not(
    home: Path, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(home)
    check_own_directory(tmp_path / "link" / "state")
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    (tmp_path / "open" / "link").symlink_to(home)
    (tmp_path / "far").symlink_to(tmp_path / "open" / "link")
    assert refusal(tmp_path / "far" / "state").path == str(tmp_path / "open")


def test_a_file_in_the_place_of_a_directory_is_refused(home: Path) -> None:
    (home / "file").touch()
    refused = refusal(home / "file")
    assert "it is not a directory" in str(refused)
    mend(refused)
    check_own_directory(home / "file")


def test_links_in_a_circle_are_left_to_who_opens_them(home: Path) -> None:
    (home / "circle").symlink_to(home / "circle")
    check_own_directory(home / "circle")
    with pytest.raises(OSError, match="symbolic links"):
        open_own_file(home / "circle" / "runtime.json")


@needs_other_user
@pytest.mark.parametrize("above", ["", "state"])
def test_a_home_of_another_user_is_refused_to_root_and_taken_over_by_the_command(
    home: Path, above: str
) -> None:
    os.chown(home / above, STRANGER, STRANGER)
    refused = refusal(home / "state")
    assert (refused.path, refused.detail) == (
        str(home / above) if above else str(home),
        f"it belongs to user {STRANGER}, expected user 0",
    )
    mend(refused)
    check_own_directory(home / "state")


@needs_other_user
def test_a_home_of_root_is_refused_to_a_user_also_if_nothing_in_it_can_be_seen(ground: Path) -> None:
    (ground / "home" / "state").mkdir(parents=True, mode=0o755)
    (ground / "home" / "hidden" / "state").mkdir(parents=True)
    (ground / "home" / "hidden").chmod(0o700)

    def seen() -> tuple[str, ...]:
        found = [stranger_in(ground / "home" / below) for below in ("state", "hidden/state", "not-made")]
        return tuple("" if each is None else each.mend for each in found)

    assert as_user(seen) == (
        f"sudo chown -R {STRANGER} {ground}/home/state",
        f"sudo chown -R {STRANGER} {ground}/home/hidden",
        "",
    )


@needs_other_user
def test_a_link_that_another_user_planted_is_refused_even_in_a_sticky_directory(ground: Path) -> None:
    (ground / "shared").mkdir()
    (ground / "shared").chmod(0o1777)
    (ground / "home").mkdir(mode=0o700)
    as_user(lambda: os.symlink(ground / "home", ground / "shared" / "home"))
    assert refusal(ground / "shared" / "home" / "state").path == str(ground / "shared" / "home")


# -- files


def written(home: Path) -> Path:
    path = home / "state" / "runtime.json"
    path.write_bytes(b"{}")
    path.chmod(0o600)
    return path


def opened(path: Path) -> bytes:
    with os.fdopen(open_own_file(path), "rb") as file:
        return file.read()


def test_a_file_of_ours_is_opened_without_following_anything_later(home: Path) -> None:
    path = written(home)
    descriptor = open_own_file(path)
    path.rename(path.with_name("moved"))
    with os.fdopen(descriptor, "rb") as file:
        assert file.read() == b"{}"
    with pytest.raises(FileNotFoundError):
        open_own_file(path)


def a_link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def a_second_name(path: Path) -> None:
    os.link(path, path.with_name("second"))


def a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


def a_socket(path: Path) -> None:
    path.unlink()
    here = os.getcwd()
    os.chdir(path.parent)  # the address of a socket is short
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path.name)
    finally:
        os.chdir(here)


def a_directory(path: Path) -> None:
    path.unlink()
    (path / "below").mkdir(parents=True)


def readable(path: Path) -> None:
    path.chmod(0o640)


def test_a_file_of_ours_in_a_sticky_directory_is_opened(home: Path) -> None:
    path = written(home)
    (home / "state").chmod(0o1777)
    assert opened(path) == b"{}"


@needs_other_user
def test_a_file_that_another_user_left_in_a_sticky_directory_is_refused(ground: Path) -> None:
    ground.chmod(0o1777)
    as_user(lambda: (ground / "runtime.json").touch(mode=0o600))
    with pytest.raises(UnsafePlace, match=f"belongs to user {STRANGER}"):
        open_own_file(ground / "runtime.json")


@pytest.mark.parametrize("spoil", [a_link, a_second_name, a_pipe, a_socket, a_directory, readable])
def test_what_is_no_private_file_is_refused_until_its_command_has_run(
    home: Path, spoil: Callable[[Path], None]
) -> None:
    path = written(home)
    spoil(path)
    with pytest.raises(UnsafePlace) as caught:
        open_own_file(path)
    assert caught.value.path == str(path)
    assert shlex.quote(str(path)) in caught.value.command
    mend(caught.value)
    if path.exists():
        assert opened(path) == b"{}"


@needs_other_user
def test_a_file_of_another_user_is_refused_and_not_taken_over(home: Path) -> None:
    path = written(home)
    os.chown(path, STRANGER, STRANGER)
    with pytest.raises(UnsafePlace, match=f"belongs to user {STRANGER}, expected user 0") as caught:
        open_own_file(path)
    assert caught.value.command == f"rm -f {shlex.quote(str(path))}"


@needs_other_user
def test_a_file_of_another_user_that_cannot_be_read_is_refused_as_well(ground: Path) -> None:
    os.chown(ground, STRANGER, STRANGER)
    (ground / "runtime.json").touch(mode=0o600)

    def told() -> str:
        try:
            open_own_file(ground / "runtime.json")
        except UnsafePlace as refused:
            return refused.detail
        return ""

    assert as_user(told) == f"it belongs to user 0, expected user {STRANGER}"


@given(
    st.sampled_from([stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK, stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFCHR]),
    st.integers(0, 0o7777),
    st.integers(1, 3),
    st.sampled_from([0, 1000, STRANGER]),
)
def test_only_a_private_file_with_one_name_passes(kind: int, mode: int, links: int, owner: int) -> None:
    found = os.stat_result((kind | mode, 1, 1, links, owner, owner, 0, 0, 0, 0))
    passes = kind == stat.S_IFREG and not mode & 0o077 and links == 1 and owner == 1000
    assert (file_fault("/x", found, 1000) is None) == passes


# -- endpoints


def test_endpoints_are_as_good_as_their_directory(home: Path) -> None:
    run = home / "state" / "run"
    endpoints = (f"ipc://{run}/lane", f"ipc://{run}/feed", "tcp://127.0.0.1:5555")
    check_endpoints(*endpoints)
    run.mkdir()
    run.chmod(0o777)
    assert [endpoint_stranger(endpoint) is None for endpoint in endpoints] == [False, False, True]
    with pytest.raises(UnsafePlace, match="every user may write to it"):
        check_endpoints(*endpoints)
