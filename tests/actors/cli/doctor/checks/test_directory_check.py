"""Directories that are missing, in the way, or not ours to write to."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from actors.cli.doctor.checks.directory_check import DirectoryFacts, check, look
from actors.cli.doctor.problems import MakeDirectory, Place


def test_a_home_with_all_its_directories_is_well(place: Place) -> None:
    assert check(look(place)) == []


def test_a_directory_that_is_not_there_yet_is_no_fault_and_can_be_made(place: Place) -> None:
    place.locations.state.rmdir()
    place.locations.tools.rmdir()  # made when somebody needs it
    (problem,) = check(look(place))
    assert (problem.severity, problem.where) == ("info", str(place.locations.state))
    assert problem.repairs == (MakeDirectory(path=str(place.locations.state)),)


def test_a_chosen_directory_that_is_gone_is_an_error_and_is_not_made_again(
    place: Place, change: Callable[..., Place]
) -> None:
    place.locations.models.rmdir()
    (problem,) = check(look(change(chosen=frozenset({"models"}))))
    assert problem.severity == "error"
    assert "mount its drive" in problem.advice
    assert not problem.is_fixable


def test_a_file_in_place_of_a_directory_is_an_error(place: Place) -> None:
    place.locations.config.rmdir()
    place.locations.config.write_text("in the way")
    (problem,) = check(look(place))
    assert (problem.severity, problem.what) == ("error", "the directory for config is no directory")


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_cannot_be_written_to_is_found(place: Place) -> None:
    place.locations.state.chmod(0o500)
    try:
        (problem,) = check(look(place))
    finally:
        place.locations.state.chmod(0o700)
    assert "cannot be written to" in problem.what


def test_what_cannot_be_written_to_is_an_error(tmp_path: Path) -> None:
    (problem,) = check([DirectoryFacts("state", str(tmp_path), "directory", is_writable=False)])
    assert (problem.severity, problem.where) == ("error", str(tmp_path))
