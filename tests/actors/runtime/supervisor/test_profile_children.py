"""Child tables of a profile become specs, and what is wrong is told by file and option."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from actors.runtime.supervisor.core.child_spec import ChildSpec
from actors.runtime.supervisor.profile_children import children_of, preloads_of
from actors.shared.profile.profile import ProfileError, read_profile


def specs_of(directory: Path, text: str) -> dict[str, ChildSpec]:
    (directory / "profile.toml").write_text(f'name = "a"\n{text}', encoding="utf-8")
    return {spec.name: spec for spec in children_of(read_profile(directory))}


def test_everybody_depends_on_the_broker_and_stands_behind_it(tmp_path: Path) -> None:
    text = (
        '[[children]]\nname = "b"\nentry = "m:b"\ndepends_on = ["c"]\n[[children]]\nname = "c"\nentry = "m:c"'
    )
    specs = specs_of(tmp_path, text)
    assert list(specs) == ["broker", "c", "b"]
    assert specs["b"].depends_on == ("broker", "c")


def test_a_command_is_ready_when_it_runs_unless_it_is_to_greet(tmp_path: Path) -> None:
    text = '[[children]]\nname = "b"\ncommand = ["x"]\n'
    text += '[[children]]\nname = "c"\ncommand = ["x"]\nready = "hello"'
    specs = specs_of(tmp_path, text)
    assert (specs["b"].ready, specs["c"].ready) == ("started", "hello")


def test_programs_with_a_path_lie_relative_to_the_profile_and_others_in_the_search_path(
    tmp_path: Path,
) -> None:
    text = (
        '[[children]]\nname = "b"\ncommand = ["bin/x", "bin/y"]\n[[children]]\nname = "c"\ncommand = ["node"]'
    )
    specs = specs_of(tmp_path, text)
    assert specs["b"].command == (str(tmp_path / "bin/x"), "bin/y")
    assert specs["c"].command == ("node",)
    assert specs["c"].directory == tmp_path, (
        "its arguments are relative to the profile, wherever it was started"
    )


def test_placeholders_stand_for_directories_and_the_interpreter(tmp_path: Path) -> None:
    (tmp_path / "profile.toml").write_text(
        """
        name = "a"
        [[children]]
        name = "b"
        command = ["{python}", "x.py", "--at={home}/x", "{other}", "{profile}"]
        cwd = "side"
        environment = { PLACE = "{home}" }
        [[children]]
        name = "c"
        command = ["{home}/bin/x"]
        cwd = "{home}"
        """,
        encoding="utf-8",
    )
    found = {spec.name: spec for spec in children_of(read_profile(tmp_path), "/the/home")}
    assert found["b"].command == (sys.executable, "x.py", "--at=/the/home/x", "{other}", str(tmp_path))
    assert found["b"].directory == tmp_path / "side"
    assert found["b"].environment == {"PLACE": "/the/home"}
    assert found["c"].command == ("/the/home/bin/x",)
    assert found["c"].directory == Path("/the/home")


def test_a_program_is_watched_only_if_it_asks_for_that(tmp_path: Path) -> None:
    text = '[[children]]\nname = "b"\ncommand = ["x"]\nready = "hello"\n'
    assert specs_of(tmp_path, text)["b"].hangs_after_seconds == 0
    watched = specs_of(tmp_path, text + "heartbeat_timeout_seconds = 3")
    assert watched["b"].hangs_after_seconds == 3
    with pytest.raises(ProfileError, match="needs ready = 'hello'"):
        specs_of(tmp_path, text.replace("hello", "started") + "heartbeat_timeout_seconds = 3")


@pytest.mark.parametrize(
    ("text", "option"),
    [
        ('[[children]]\nname = "b"', "children.b.command"),
        ('[[children]]\nname = "b"\nentry = "m:b"\ndepends_on = ["x"]', "children.b.depends_on"),
        ('[[children]]\nname = "b"\nentry = "m:b"\nintensity = -1', "children.b.intensity"),
        ('[[children]]\nname = "broker"\nentry = "m:b"', "children.broker.name"),
    ],
)
def test_a_child_that_cannot_be_carried_out_is_told_with_file_and_option(
    tmp_path: Path, text: str, option: str
) -> None:
    with pytest.raises(ProfileError) as caught:
        specs_of(tmp_path, text)
    assert (caught.value.file, caught.value.option) == (str(tmp_path / "profile.toml"), option)


def test_only_undercrofts_own_modules_are_imported_ahead() -> None:
    specs = [
        ChildSpec(name="a", entry="actors.model_verifier:build"),
        ChildSpec(name="b", entry="myapp.thing:build"),
        ChildSpec(name="broker"),
    ]
    assert preloads_of(specs) == ["actors.model_verifier", "actors.model_verifier.actor"]


def test_where_settings_are_kept_what_a_settings_model_is_made_of_is_imported_ahead() -> None:
    assert "pydantic.fields" in preloads_of([ChildSpec(name="a", entry="actors.config_store:build")])
    assert "pydantic.fields" not in preloads_of([ChildSpec(name="a", entry="actors.model_verifier:build")])


def test_a_package_of_the_app_that_ours_would_hide_refuses_the_whole_profile(tmp_path: Path) -> None:
    (tmp_path / "src" / "schemas").mkdir(parents=True)
    (tmp_path / "src" / "schemas" / "__init__.py").touch()
    with pytest.raises(ProfileError, match="has a package 'schemas', which Undercroft's own hides") as caught:
        specs_of(tmp_path, '[[children]]\nname = "b"\nentry = "m:b"\npath = "src"')
    assert caught.value.option == "children.b.path"
