"""What is wrong is told before anything is taken."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.runtime.supervisor.host.home.home_lock import AlreadyRunning, take_home
from actors.runtime.supervisor.start import run_supervisor
from actors.shared.locations.locations import locate
from actors.shared.profile.profile import ProfileError


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    """A supervisor's process creates private files only; the tests' own goes on as it was."""
    before = os.umask(0o077)
    yield
    os.umask(before)


def test_a_profile_that_is_not_there_is_told_and_the_home_stays_untouched(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="expected a directory with a profile.toml"):
        run_supervisor(home=str(tmp_path / "home"), profile=str(tmp_path / "nowhere"), spawn_method="spawn")
    assert not (tmp_path / "home").exists()


def test_a_home_that_another_has_is_left_to_it(tmp_path: Path) -> None:
    with (
        take_home(locate("undercroft", tmp_path).state, "undercroft"),
        pytest.raises(AlreadyRunning, match=str(os.getpid())),
    ):
        run_supervisor(home=str(tmp_path), spawn_method="spawn")
