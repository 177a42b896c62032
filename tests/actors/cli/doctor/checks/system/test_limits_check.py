"""Limits with which a runtime would not start are told with the command that raises them."""

from __future__ import annotations

from actors.cli.doctor.checks.system.limits_check import USUAL_CHILDREN, LimitFacts, check, look
from actors.cli.doctor.problems import ExaminedHome


def test_usual_limits_are_well(home: ExaminedHome) -> None:
    assert look(home).children >= 1
    assert check(look(home)) == []


def test_a_limit_that_is_too_low_is_an_error() -> None:
    (problem,) = check(LimitFacts(USUAL_CHILDREN, {"nofile": 12}))
    assert (problem.severity, problem.found, problem.expected) == ("error", "12", "at least 84")
    assert problem.advice == "run: sudo prlimit --pid $$ --nofile=336"
