"""All checks run, whatever one of them meets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from actors.cli.doctor import examination
from actors.cli.doctor.examination import CHECKS, by_severity, examine, is_well
from actors.cli.doctor.problems import ExaminedHome, Problem, ProblemSeverity


@pytest.fixture(autouse=True)
def keychain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNDERCROFT_KEYCHAIN", f"file:{tmp_path / 'keychain.json'}")


def _of_the_home(problems: list[Problem]) -> list[Problem]:
    """Without what the machine of the test may really lack."""
    return [problem for problem in problems if problem.check not in ("disk", "machine")]


def test_a_home_that_is_all_right_is_well(home: ExaminedHome) -> None:
    assert _of_the_home(examine(home)) == []


def test_a_check_that_cannot_be_done_is_told_and_the_others_go_on(
    home: ExaminedHome, put: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(home: ExaminedHome) -> None:
        raise ValueError("CANARY")

    monkeypatch.setitem(examination.CHECKS, "clock", (broken, CHECKS["clock"][1]))
    put(home.locations.config / "config.json", "{")
    assert [(problem.check, problem.severity) for problem in _of_the_home(examine(home))] == [
        ("config", "error"),
        ("clock", "warning"),
    ]
    assert "CANARY" not in str(examine(home))


def test_the_worst_comes_first_and_notes_alone_are_well() -> None:
    def problem(severity: ProblemSeverity) -> Problem:
        return Problem(check="c", severity=severity, what=severity)

    assert [found.what for found in by_severity([problem("info"), problem("error"), problem("warning")])] == [
        "error",
        "warning",
        "info",
    ]
    owner, runtime = (Problem(check=name, severity="error", what=name) for name in ("owner", "runtime"))
    assert by_severity([problem("info"), runtime, owner]) == [owner, runtime, problem("info")]
    assert is_well([problem("info")])
    assert not is_well([problem("info"), problem("warning")])
