"""Where everything lies, with and without a runtime."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.locations.location_survey import (
    LocationSources,
    environment_problem,
    is_chosen,
    real_paths,
    survey,
    user_data_of,
)
from actors.shared.locations.location_choices import LocationChoices, LocationChoicesFound
from actors.shared.locations.locations import CATEGORIES, locate
from schemas.paths import PathStatus


def look(home: Path, choices: LocationChoices, fault: str = "") -> dict[str, PathStatus]:
    defaults = locate("app", home=home)
    return {
        status.category: status
        for status in survey(LocationSources(defaults, defaults, LocationChoicesFound(choices, fault), {}))
    }


def test_a_fresh_home_is_well_although_nothing_was_created_yet(tmp_path: Path) -> None:
    found = look(tmp_path / "home", LocationChoices())
    assert tuple(found) == CATEGORIES
    assert all(not status.problems and not status.exists and status.free_bytes for status in found.values())


@pytest.mark.requirement("S1-2")
def test_a_chosen_directory_that_is_missing_is_a_problem_of_its_category_alone(tmp_path: Path) -> None:
    found = look(tmp_path / "home", LocationChoices(paths={"models": str(tmp_path / "gone")}))
    assert {
        category: [problem.kind for problem in status.problems]
        for category, status in found.items()
        if status.problems
    } == {"models": ["missing"]}


@pytest.mark.requirement("S1-22")
def test_a_choice_written_by_hand_into_user_data_is_told(tmp_path: Path) -> None:
    place = tmp_path / "home" / "config" / "models"
    place.mkdir(parents=True)
    assert [
        problem.kind
        for problem in look(tmp_path / "home", LocationChoices(paths={"models": str(place)}))[
            "models"
        ].problems
    ] == ["user_data"]


def test_what_waits_for_the_next_start_is_shown_beside_what_is_active(tmp_path: Path) -> None:
    found = look(tmp_path / "home", LocationChoices(paths={"logs": str(tmp_path / "logs")}))["logs"]
    assert (found.path, found.next_path) == (str(tmp_path / "home" / "logs"), str(tmp_path / "logs"))


def test_faults_of_the_file_are_told_with_the_category_they_concern(tmp_path: Path) -> None:
    assert (
        look(tmp_path, LocationChoices(), "locations.json: cannot be read")["models"].problems[0].kind
        == "unreadable"
    )
    assert (
        look(tmp_path, LocationChoices(paths={"logs": "relative"}))["logs"].problems[0].kind == "unreadable"
    )
    assert look(tmp_path, LocationChoices(paths={"music": "/m"}))["models"].problems[0].kind == "unreadable"


def test_small_questions(tmp_path: Path) -> None:
    defaults = locate("app", home=tmp_path)
    resolved = LocationSources(
        defaults, defaults, LocationChoicesFound(LocationChoices(paths={"tools": "/t"})), {}
    ).resolved()
    assert (is_chosen(resolved, "tools"), is_chosen(resolved, "logs")) == (True, False)
    assert environment_problem("models", "/m", {}) == []
    assert environment_problem("models", "/m", {"UNDERCROFT_MODELS": "/x"})[0].kind == "environment"
    assert user_data_of(defaults) == ()
    platform = locate("app", environ={})
    assert user_data_of(platform) == (platform.tools.parent.resolve(),)
    assert real_paths(defaults)["models"] == (tmp_path / "models").resolve()
