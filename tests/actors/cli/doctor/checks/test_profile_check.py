"""The doctor names the mistakes of a profile, with their cure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from actors.cli.doctor.checks.profile_check import check, look
from actors.cli.doctor.problems import ExaminedHome
from actors.cli.profile_check.mistake import at
from actors.shared.profile.profile import BUNDLED_DIRECTORY, read_profile
from tests.support.profiles import write_profile


def test_each_mistake_is_a_problem_with_place_and_advice() -> None:
    mistakes = [
        at("p.toml", "models", "no file", "create it"),
        at("p.toml", "", "odd", "mend it", blocks=False),
    ]
    first, second = check(mistakes)
    assert (first.severity, first.where, first.advice) == ("error", "p.toml: models", "create it")
    assert (second.severity, second.where) == ("warning", "p.toml")


def test_the_profile_of_the_app_is_judged(tmp_path: Path, change: Callable[..., ExaminedHome]) -> None:
    profile = read_profile(write_profile(tmp_path / "app", top={"models": "nope.json"}))
    assert [mistake.place for mistake in look(change(profile=profile))] == ["models"]


def test_a_bundled_profile_and_none_have_no_mistakes(change: Callable[..., ExaminedHome]) -> None:
    assert look(change(profile=read_profile(BUNDLED_DIRECTORY / "dictation"))) == []
    assert look(change(profile=None)) == []


def test_code_that_ends_the_process_ends_no_doctor(
    tmp_path: Path, change: Callable[..., ExaminedHome]
) -> None:
    profile = read_profile(write_profile(tmp_path / "app", settings="import os; os._exit(3)"))
    assert look(change(profile=profile)) == []
