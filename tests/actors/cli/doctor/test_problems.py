"""Problems are put into words that stay short."""

from __future__ import annotations

import msgspec

from actors.cli.doctor.problems import Problem, RemoveFile, places, size


def test_many_places_are_named_in_part() -> None:
    assert places(["a", "b"]) == "a, b"
    assert places(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"
    assert places([]) == ""


def test_sizes_are_told_in_their_largest_unit() -> None:
    assert [size(n) for n in (0, 1023, 1024, 5 * 1024**3, 5 * 1024**4)] == [
        "0 bytes",
        "1023 bytes",
        "1.0 KiB",
        "5.0 GiB",
        "5120.0 GiB",
    ]


def test_a_problem_with_a_repair_is_fixable_and_travels_as_json() -> None:
    problem = Problem(check="c", severity="info", what="w", repairs=(RemoveFile(path="/p"),))
    assert problem.is_fixable
    assert not Problem(check="c", severity="info", what="w").is_fixable
    assert msgspec.json.decode(msgspec.json.encode(problem), type=Problem) == problem
