"""Locations: one home moves everything, a person's choice wins, models never lie in user data."""

from __future__ import annotations

from dataclasses import astuple
from pathlib import Path

import platformdirs
import pytest

from actors.shared.locations.locations import (
    CATEGORIES,
    LocationRefused,
    absolute,
    locate,
    override,
    places,
    prepare,
)
from bus.discovery import state_directory


def test_home_moves_every_category(tmp_path: Path) -> None:
    found = locate("app", home=tmp_path, environ={"UNDERCROFT_HOME": "/elsewhere"})
    assert astuple(found) == tuple(tmp_path / category for category in CATEGORIES)


def test_variable_moves_every_category(tmp_path: Path) -> None:
    assert locate("app", environ={"UNDERCROFT_HOME": str(tmp_path)}) == locate("app", home=tmp_path)


@pytest.mark.requirement("S0-1", "S0-6", "S1-22")
def test_without_home_each_kind_lies_where_the_platform_keeps_it() -> None:
    found = locate("openvoicy", environ={})
    assert found.config == Path(platformdirs.user_config_dir("openvoicy", appauthor=False))
    assert found.models == Path(platformdirs.user_cache_dir("openvoicy", appauthor=False)) / "models"
    assert found.models.name == "models"
    assert Path(platformdirs.user_data_dir("openvoicy", appauthor=False)) not in found.models.parents
    assert len({found.config, found.logs, found.models, found.tools}) == 4


@pytest.mark.requirement("S1-22")
def test_where_caches_lie_among_the_data_as_on_windows_models_lie_beside_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(platformdirs, "user_data_dir", lambda app, appauthor: f"/Local/{app}")
    monkeypatch.setattr(platformdirs, "user_cache_dir", lambda app, appauthor: f"/Local/{app}/Cache")
    assert locate("app", environ={}).models == Path("/Local/app-models")


def test_clients_look_for_the_runtime_where_the_state_lies(tmp_path: Path) -> None:
    assert locate("app", environ={}).state == state_directory("app", environ={})
    assert locate("app", home=tmp_path).state == state_directory("app", home=tmp_path)


@pytest.mark.parametrize("name", ["", "..", "a/b", "a\\b", "C:app"])
def test_app_name_that_leads_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(LocationRefused):
        locate(name, environ={})


@pytest.mark.requirement("S1-21")
def test_shared_root_moves_the_large_ones_and_a_category_wins_over_it(tmp_path: Path) -> None:
    base = locate("app", home=tmp_path)
    found = override(base, root="/big", paths={"models": "/models", "tools": ""})
    assert (found.models, found.tools, found.logs, found.workspace) == tuple(
        map(Path, ("/models", "/big/tools", "/big/logs", "/big/workspace"))
    )
    assert (found.config, found.state) == (base.config, base.state)


@pytest.mark.parametrize(("category", "path"), [("models", "relative"), ("music", "/music")])
def test_override_that_is_relative_or_unknown_is_refused_by_name(
    tmp_path: Path, category: str, path: str
) -> None:
    with pytest.raises(LocationRefused, match=category):
        override(locate("app", home=tmp_path), paths={category: path})


@pytest.mark.requirement("S1-20")
def test_missing_directory_is_created_before_an_override_applies(tmp_path: Path) -> None:
    prepare("models", tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


def test_preparing_leaves_no_trace_of_its_probe(tmp_path: Path) -> None:
    prepare("models", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_path_that_is_no_path_is_refused(tmp_path: Path) -> None:
    for path in ("a\0b", "/a\0b", "~nobody-of-that-name/x"):
        with pytest.raises(LocationRefused):
            absolute("models", path)
    assert absolute("models", "~/x").is_absolute()


def test_override_onto_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(LocationRefused, match="taken by a file"):
        prepare("models", tmp_path / "file")


def test_every_directory_has_a_word_that_stands_for_it(tmp_path: Path) -> None:
    found = places(locate("app", home=tmp_path))
    assert found[str(tmp_path / "models")] == "models"
    assert found[str(tmp_path)] == "undercroft-home"
    assert len(found) == len(CATEGORIES) + 1
