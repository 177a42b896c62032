"""The whole of a profile: what one part hides, another one shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.cli.profile_check.profile_examination import examine
from actors.cli.profile_check.table_mistakes import STAND_IN
from actors.shared.profile.profile import BUNDLED_DIRECTORY
from tests.support.app_of_pages import write_app
from tests.support.profiles import bundled, write_profile


def test_the_bundled_profiles_have_no_mistakes() -> None:
    for file in BUNDLED_DIRECTORY.glob("*/profile.toml"):
        assert examine(file.parent) == []


def test_the_app_of_the_pages_has_none_that_is_its_own(tmp_path: Path) -> None:
    assert [str(one) for one in examine(write_app(tmp_path)) if one.blocks] == []


@pytest.mark.parametrize(("content", "words"), [(b"name = ", "expected TOML"), (b"\xff", "cannot be read")])
def test_what_is_no_toml_is_said(content: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / "profile.toml").write_bytes(content)
    (mistake,) = examine(tmp_path)
    assert words in mistake.problem


def test_a_wrong_field_hides_nothing_else(tmp_path: Path) -> None:
    child = bundled("config_store", hartbeat=3)
    write_profile(tmp_path, child, {"entry": "nobody:build"}, top={"models": "nope.json", "documents": "d"})
    found = examine(tmp_path)
    assert [one.place for one in found] == [
        "documents",
        "children[0].hartbeat",
        "children[1].name",
        "children.config_store.entry",
        "models",
    ]
    assert not any(STAND_IN in str(one) for one in found)
