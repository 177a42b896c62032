"""What a person chose: which wins, what cannot be taken, and how it is kept."""

from __future__ import annotations

import typing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.shared.locations.location_choices import (
    CHOICES_LIMIT_BYTES,
    CHOICES_NAME,
    ROOTED,
    LocationChoices,
    handed_over,
    read_choices,
    resolve,
    write_choices,
)
from actors.shared.locations.locations import CATEGORIES, locate
from schemas.paths import Category, Choosable


def test_the_categories_of_the_contract_are_those_of_the_disk() -> None:
    assert typing.get_args(Category) == CATEGORIES
    assert typing.get_args(Choosable) == ("root", *ROOTED)


@pytest.mark.requirement("S1-21")
def test_a_variable_wins_over_a_choice_and_that_over_the_root_and_that_over_the_default(
    tmp_path: Path,
) -> None:
    defaults = locate("app", home=tmp_path)
    choices = LocationChoices(root="/big", paths={"models": "/models", "tools": "/tools"})
    found = resolve(defaults, choices, {"UNDERCROFT_TOOLS": "/frozen/tools"})
    assert found.locations.tools == Path("/frozen/tools")
    assert found.locations.models == Path("/models")
    assert found.locations.logs == Path("/big/logs")
    assert found.locations.config == defaults.config
    assert found.origins == {
        "config": "home",
        "state": "home",
        "logs": "root",
        "models": "override",
        "tools": "environment",
        "workspace": "root",
    }


@pytest.mark.requirement("S0-6")
def test_who_decided_is_the_platform_where_nobody_did() -> None:
    assert set(resolve(locate("app", environ={}), LocationChoices(), {}).origins.values()) == {"platform"}


def test_a_relative_path_or_unknown_category_in_the_file_is_left_out_and_told(tmp_path: Path) -> None:
    defaults = locate("app", home=tmp_path)
    found = resolve(
        defaults,
        LocationChoices(root="big", paths={"models": "models", "music": "/m", "config": "/c", "tools": "/t"}),
        {},
    )
    assert set(found.refused) == {"root", "models", "music", "config"}
    assert (found.locations.models, found.locations.config, found.locations.tools) == (
        defaults.models,
        defaults.config,
        Path("/t"),
    )


def test_choices_are_kept_with_their_mounts_and_can_be_taken_back(tmp_path: Path) -> None:
    choices = LocationChoices().choosing("root", "/big", "/").choosing("models", "/usb/models", "/usb")
    write_choices(tmp_path, choices)
    found = read_choices(tmp_path)
    assert (found.choices, found.fault) == (choices, "")
    assert (choices.mount_of("models"), choices.mount_of("logs")) == ("/usb", "/")
    assert choices.choosing("models", "").mount_of("models") == "/"
    assert choices.choosing("models", "").choosing("root", "") == LocationChoices()


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"[]",
        b'{"paths": 1}',
        b"\xff",
        b'{"format": 99}',
        b"[" * 20_000,
        b" " * (CHOICES_LIMIT_BYTES + 1),
    ],
    ids=range(7),
)
def test_a_file_that_cannot_be_read_counts_as_no_choice_and_says_so(tmp_path: Path, content: bytes) -> None:
    (tmp_path / CHOICES_NAME).write_bytes(content)
    found = read_choices(tmp_path)
    assert found.choices == LocationChoices()
    assert CHOICES_NAME in found.fault


def test_no_file_is_no_choice(tmp_path: Path) -> None:
    assert read_choices(tmp_path / "nowhere").fault == ""


def test_a_child_that_starts_later_finds_the_models_where_they_moved_and_the_rest_where_it_was(
    tmp_path: Path,
) -> None:
    defaults = locate("app", home=tmp_path)
    write_choices(defaults.config, LocationChoices(root="/big"))
    given = handed_over(defaults, defaults, {})
    assert given.models == Path("/big/models")
    assert given.logs == defaults.logs


@given(
    st.dictionaries(st.sampled_from((*CATEGORIES, "root", "x")), st.text(max_size=20)), st.text(max_size=20)
)
def test_whatever_was_chosen_every_location_is_absolute(paths: dict[str, str], root: str) -> None:
    found = resolve(locate("app", home="/home"), LocationChoices(root=root, paths=paths), {})
    assert all(getattr(found.locations, category).is_absolute() for category in CATEGORIES)
