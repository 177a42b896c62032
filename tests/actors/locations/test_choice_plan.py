"""A whole choice: what it moves, what is created, and what people are told of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.locations.choice_plan import ChoicePlan, plan_choice
from actors.locations.location_survey import LocationSources
from actors.shared.locations.location_choices import LocationChoices, LocationChoicesFound
from actors.shared.locations.locations import locate
from schemas.paths import Choosable, PathAction, PathChooseRequestEvent

NOTHING_CHOSEN = LocationChoices()


def sources(
    home: Path, choices: LocationChoices = NOTHING_CHOSEN, environ: dict[str, str] | None = None
) -> LocationSources:
    defaults = locate("app", home=home)
    return LocationSources(defaults, defaults, LocationChoicesFound(choices), environ or {})


def judged(
    home: Path,
    category: Choosable,
    path: Path | str,
    action: PathAction = "move",
    *,
    create: bool = True,
    choices: LocationChoices | None = None,
) -> ChoicePlan:
    request = PathChooseRequestEvent(category=category, path=str(path), action=action, create_missing=create)
    return plan_choice(sources(home, choices or LocationChoices()), request)


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ("move", "copied, verified, switched over, then removed"),
        ("adopt", "will be verified and used"),
        ("anew", "will be downloaded again"),
    ],
)
def test_what_happens_to_the_models_is_said(tmp_path: Path, action: PathAction, words: str) -> None:
    found = judged(tmp_path / "home", "models", tmp_path / "big", action)
    assert any(words in sentence for sentence in found.what_happens)
    assert (found.models, found.to_create, found.path) == (
        tmp_path / "big",
        [tmp_path / "big"],
        str(tmp_path / "big"),
    )


def test_logs_follow_at_the_next_start_and_move_no_models(tmp_path: Path) -> None:
    found = judged(tmp_path / "home", "logs", tmp_path / "logs")
    assert (found.models, found.problems) == (None, [])
    assert any("next start" in sentence for sentence in found.what_happens)


def test_a_root_leaves_alone_what_has_a_choice_of_its_own(tmp_path: Path) -> None:
    choices = LocationChoices(paths={"models": str(tmp_path / "mine")})
    found = judged(tmp_path / "home", "root", tmp_path / "big", choices=choices)
    assert found.models is None
    assert [status.category for status in found.paths] == ["logs", "tools", "workspace"]


def test_a_missing_root_is_told_as_the_root(tmp_path: Path) -> None:
    (problem,) = judged(tmp_path / "home", "root", tmp_path / "big", create=False).problems
    assert (problem.kind, problem.category, problem.path) == ("missing", "root", str(tmp_path / "big"))
    assert problem.message.startswith("root: ")


def test_a_root_in_the_settings_would_put_models_into_user_data(tmp_path: Path) -> None:
    found = judged(tmp_path / "home", "root", tmp_path / "home" / "config")
    assert "user_data" in {problem.kind for problem in found.problems}


def test_going_back_to_the_default_needs_nothing_to_be_there(tmp_path: Path) -> None:
    choices = LocationChoices(paths={"models": str(tmp_path / "gone")})
    found = judged(tmp_path / "home", "models", "", choices=choices)
    assert (found.problems, found.models, found.choices) == (
        [],
        tmp_path / "home" / "models",
        LocationChoices(),
    )


def test_a_home_that_is_nobodys_is_refused_as_relative(tmp_path: Path) -> None:
    (problem,) = judged(tmp_path, "models", "~nobody-of-that-name/models").problems
    assert problem.kind == "relative"


def test_a_choice_remembers_its_mount_point(tmp_path: Path) -> None:
    found = judged(tmp_path / "home", "models", tmp_path / "big")
    assert Path(found.choices.mounts["models"]) in (tmp_path, *tmp_path.parents)
