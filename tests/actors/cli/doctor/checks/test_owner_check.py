"""What others own or can write to is told first, with its command, and a repair if it is ours."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from actors.cli.doctor.checks.owner_check import UnsafeFacts, check, look
from actors.cli.doctor.examination import examine
from actors.cli.doctor.problems import ExaminedHome, SetMode
from tests.support.other_user import STRANGER, needs_other_user

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Windows keeps others out by access lists")


def test_a_home_of_ours_is_well(home: ExaminedHome, put: Callable[..., Path]) -> None:
    put(home.runtime_path, "{}").chmod(0o600)
    assert check(look(home)) == []


def test_a_directory_that_others_can_write_to_is_told_first_with_its_repair(
    home: ExaminedHome,
) -> None:
    home.locations.state.chmod(0o777)
    (problem,) = check(look(home))
    state = str(home.locations.state)
    assert (problem.severity, problem.where) == ("error", state)
    assert problem.advice == f"run: chmod go-w {shlex.quote(state)}"
    assert problem.repairs == (SetMode(path=state, mode=0o755),)
    assert examine(home)[0] == problem


@needs_other_user
def test_a_home_of_another_user_is_told_first_and_is_no_repair_of_ours(home: ExaminedHome) -> None:
    os.chown(home.locations.state, STRANGER, STRANGER)
    (problem,) = check(look(home))
    assert problem.advice == f"run: chown -R 0 {shlex.quote(str(home.locations.state))}"
    assert not problem.is_fixable
    assert examine(home)[0] == problem


@pytest.mark.parametrize("kind", ["link", "second name", "pipe", "directory"])
def test_what_lies_in_the_place_of_the_runtime_file_is_told(
    home: ExaminedHome, put: Callable[..., Path], kind: str
) -> None:
    elsewhere = put(home.locations.state / "elsewhere", "{}")
    elsewhere.chmod(0o600)
    match kind:
        case "link":
            home.runtime_path.symlink_to(elsewhere)
        case "second name":
            os.link(elsewhere, home.runtime_path)
        case "pipe":
            os.mkfifo(home.runtime_path, 0o600)
        case "directory":
            home.runtime_path.mkdir()
    (problem,) = check(look(home))
    assert problem.where == str(home.runtime_path)
    assert problem.advice.startswith("run: rm ")


def test_what_needs_another_command_is_no_repair() -> None:
    facts = UnsafeFacts("/h", "its access list lets user 7 write to it", "setfacl -b /h", 0o700)
    assert check([facts])[0].repairs == ()
