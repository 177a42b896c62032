"""Children: every wrong option, circle and dependency, and programs that this machine does not have."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from actors.cli.profile_check.child_mistakes import child_mistakes, program_problem
from actors.cli.profile_check.mistake import Mistake
from actors.shared.profile.profile import read_profile
from tests.support.profiles import write_profile


def found_in(directory: Path, *children: dict[str, Any]) -> dict[str, Mistake]:
    profile = read_profile(write_profile(directory, *children))
    return {mistake.place: mistake for mistake in child_mistakes(profile)}


def sleeper(name: str, **options: Any) -> dict[str, Any]:
    return {"name": name, "command": [sys.executable], **options}


def test_every_wrong_option_of_a_child_is_named(tmp_path: Path) -> None:
    found = found_in(tmp_path, sleeper("a", intensity=-1, period_seconds=0, ready="message"))
    assert set(found) == {"children.a.intensity", "children.a.period_seconds", "children.a.ready"}


def test_dependencies_are_known_and_form_no_circle(tmp_path: Path) -> None:
    found = found_in(
        tmp_path,
        sleeper("a", depends_on=["nobody", "nothing"]),
        sleeper("b", depends_on=["c"]),
        sleeper("c", depends_on=["b"]),
        sleeper("d"),
        sleeper("d"),
    )
    assert set(found) == {"children.a.depends_on", "children.b.depends_on", "children.d.name"}


def test_a_child_is_an_actor_or_a_program(tmp_path: Path) -> None:
    found = found_in(tmp_path, {"name": "a"}, {"name": "b", "entry": "x", "path": "."})
    assert set(found) == {"children.a.command", "children.b.entry"}


def test_the_directory_of_an_actor_exists(tmp_path: Path) -> None:
    found = found_in(tmp_path, {"name": "a", "entry": "some:build", "path": "src"})
    assert list(found) == ["children.a.path"]


def test_a_package_that_ours_would_hide_is_named(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "bus.py").write_text("")
    found = found_in(tmp_path, {"name": "a", "entry": "actors.config_store:build", "path": "src"})
    assert "which Undercroft's own hides" in found["children.a.path"].problem


def test_what_depends_on_the_machine_does_not_keep_the_rest_from_starting(tmp_path: Path) -> None:
    found = found_in(
        tmp_path,
        {"name": "a", "command": ["no-such-program-here"]},
        {"name": "b", "command": [sys.executable, "tray.py"]},
    )
    assert [(place, one.blocks) for place, one in found.items()] == [
        ("children.a.command", False),
        ("children.b.command", False),
    ]
    assert "there is no file 'tray.py'" in found["children.b.command"].problem


def test_a_program_is_looked_for_as_the_child_would(tmp_path: Path) -> None:
    program = tmp_path / "tool"
    assert "there is no program" in program_problem(str(program), {})
    program.write_text("#!/bin/sh\n")
    assert "not executable" in program_problem(str(program), {})
    program.chmod(0o755)
    assert program_problem(str(program), {}) == ""
    assert program_problem("tool", {"PATH": str(tmp_path)}) == ""
    assert "in PATH" in program_problem("tool", {"PATH": "/nowhere"})
