"""Directories that are missing, in the way, or not ours to write to."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from actors.cli.doctor.checks.directory_check import CategoryFacts, check, look
from actors.cli.doctor.problems import ExaminedHome, MakeDirectory


def test_a_home_with_all_its_directories_is_well(home: ExaminedHome) -> None:
    assert check(look(home)) == []


def test_a_directory_that_is_not_there_yet_is_no_fault_and_can_be_made(home: ExaminedHome) -> None:
    home.locations.state.rmdir()
    home.locations.tools.rmdir()  # made when somebody needs it
    (problem,) = check(look(home))
    assert (problem.severity, problem.where) == ("info", str(home.locations.state))
    assert problem.repairs == (MakeDirectory(path=str(home.locations.state)),)


def test_a_chosen_directory_that_is_gone_is_an_error_and_is_not_made_again(
    home: ExaminedHome, change: Callable[..., ExaminedHome]
) -> None:
    home.locations.models.rmdir()
    (problem,) = check(look(change(chosen=frozenset({"models"}))))
    assert problem.severity == "error"
    assert "mount its drive" in problem.advice
    assert not problem.is_fixable


def test_a_file_in_place_of_a_directory_is_an_error(home: ExaminedHome) -> None:
    home.locations.config.rmdir()
    home.locations.config.write_text("in the way")
    (problem,) = check(look(home))
    assert (problem.severity, problem.what) == ("error", "the directory for config is not a directory")


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_cannot_be_written_to_is_found(home: ExaminedHome) -> None:
    home.locations.state.chmod(0o500)
    try:
        (problem,) = check(look(home))
    finally:
        home.locations.state.chmod(0o700)
    assert "cannot be written to" in problem.what


def test_what_cannot_be_written_to_is_an_error(tmp_path: Path) -> None:
    (problem,) = check([CategoryFacts("state", str(tmp_path), "directory", is_writable=False)])
    assert (problem.severity, problem.where) == ("error", str(tmp_path))
