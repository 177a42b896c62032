"""Problems are put into words that stay short."""

from __future__ import annotations

import msgspec

from actors.cli.doctor.problems import Problem, RemoveFile, error, info, listed, warning


def test_many_paths_are_named_in_part() -> None:
    assert listed(["a", "b"]) == "a, b"
    assert listed(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"
    assert listed([]) == ""


def test_a_problem_with_a_repair_is_fixable_and_travels_as_json() -> None:
    problem = Problem(check="c", severity="info", what="w", repairs=(RemoveFile(path="/p"),))
    assert problem.is_fixable
    assert not Problem(check="c", severity="info", what="w").is_fixable
    assert msgspec.json.decode(msgspec.json.encode(problem), type=Problem) == problem


def test_problems_are_made_with_their_severity() -> None:
    found = [make(check="c", what="w") for make in (info, warning, error)]
    assert [problem.severity for problem in found] == ["info", "warning", "error"]
