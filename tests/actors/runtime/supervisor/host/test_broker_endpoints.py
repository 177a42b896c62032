"""Sockets lie in a directory that is ours alone, under a path that is short enough."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from actors.runtime.supervisor.host.broker_endpoints import (
    PATH_LIMIT_BYTES,
    choose_endpoints,
    discard_run_directory,
    run_directory,
)
from bus.errors import UnsafePlace
from tests.support.other_user import STRANGER, needs_other_user

pytestmark = pytest.mark.skipif(os.name != "posix", reason="there are no ipc sockets by default")


def test_ipc_sockets_lie_in_a_private_directory_of_the_state(tmp_path: Path) -> None:
    endpoints = choose_endpoints(tmp_path / "state", "ipc")
    assert endpoints.lane == f"ipc://{tmp_path}/state/run/lane"
    assert stat.S_IMODE((tmp_path / "state" / "run").stat().st_mode) == 0o700


def test_a_directory_that_others_could_enter_is_closed_to_them(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir(mode=0o755)
    choose_endpoints(tmp_path, "ipc")
    assert stat.S_IMODE((tmp_path / "run").stat().st_mode) == 0o700


def test_tcp_listens_on_the_loopback_and_lets_the_system_choose_the_ports(tmp_path: Path) -> None:
    assert choose_endpoints(tmp_path, "tcp") == ("tcp://127.0.0.1:*", "tcp://127.0.0.1:*")
    assert list(tmp_path.iterdir()) == []


def test_a_long_path_gives_way_to_a_short_one_that_is_its_own(tmp_path: Path) -> None:
    one, other = (run_directory(Path(f"/{'long/' * 30}{name}"), tmp_path) for name in "ab")
    assert one != other
    assert one.parent == tmp_path
    assert str(os.getuid()) in one.name
    longest = Path("/" + "x" * (PATH_LIMIT_BYTES - len("//run/lane")))
    assert run_directory(longest, tmp_path) == longest / "run"


def test_a_link_in_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "run").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UnsafePlace, match="it is not a directory"):
        choose_endpoints(tmp_path, "ipc")


def test_a_run_directory_goes_with_its_sockets_and_stays_with_anything_else(tmp_path: Path) -> None:
    choose_endpoints(tmp_path, "ipc")
    (tmp_path / "run" / "lane").touch()
    (tmp_path / "run" / "stranger").touch()
    discard_run_directory(tmp_path)
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["stranger"]
    (tmp_path / "run" / "stranger").unlink()
    discard_run_directory(tmp_path)
    discard_run_directory(tmp_path)
    assert list(tmp_path.iterdir()) == []


@needs_other_user
def test_a_directory_of_another_user_is_refused_where_short_paths_lie(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tmp").mkdir()
    (tmp_path / "tmp").chmod(0o1777)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    state = tmp_path / ("x" * PATH_LIMIT_BYTES)
    theirs = run_directory(state)
    theirs.mkdir(mode=0o777)
    os.chown(theirs, STRANGER, STRANGER)
    with pytest.raises(UnsafePlace, match=f"it belongs to user {STRANGER}, expected user 0"):
        choose_endpoints(state, "ipc")


def test_a_directory_in_which_others_can_swap_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state").chmod(0o777)
    with pytest.raises(UnsafePlace, match="every user may write to it"):
        choose_endpoints(tmp_path / "state", "ipc")
