"""A clock that is years off, and files from the future."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from actors.cli.doctor.checks.system.clock_check import RELEASED_AT, SLACK_SECONDS, ClockFacts, check, look
from actors.cli.doctor.problems import ExaminedHome


def test_a_clock_that_fits_the_files_is_well(home: ExaminedHome, put: Callable[..., Path]) -> None:
    put(home.locations.state / "a", "")
    assert check(look(home)) == []


def test_a_file_from_the_future_is_told_and_a_slightly_newer_one_is_not(
    home: ExaminedHome, put: Callable[..., Path]
) -> None:
    for name, ahead in (("near", SLACK_SECONDS - 60), ("far", 86_400.0)):
        os.utime(put(home.locations.state / name, ""), (home.now, home.now + ahead))
    (problem,) = check(look(home))
    assert (problem.severity, problem.where) == ("warning", str(home.locations.state / "far"))


def test_a_clock_that_is_years_off_is_an_error() -> None:
    for now in (0.0, RELEASED_AT - 1, RELEASED_AT + 30 * 365 * 86_400, 1e300):
        (problem,) = check(ClockFacts(now))
        assert (now, problem.severity) == (now, "error")
        assert "years off" in problem.what
