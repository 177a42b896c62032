"""The watch sees what changed since it looked last, and tells the supervisor once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from actors.runtime.supervisor.code_watch import CodeWatch, changed_files, file_stamps
from bus.errors import Refused
from tests.support.profiles import write_profile

pytestmark = pytest.mark.anyio


class Told:
    """A supervisor that only notes what it is told."""

    def __init__(self) -> None:
        self.restarted: list[str] = []
        self.said: list[str] = []
        self.reloads = 0

    def restart(self, actor: str) -> object:
        self.restarted.append(actor)
        raise Refused("the runtime stops")

    def reload(self) -> None:
        self.reloads += 1

    def say(self, text: str) -> None:
        self.said.append(text)


def app_in(directory: Path) -> Path:
    (directory / "src").mkdir(parents=True)
    child = {"name": "greeter", "entry": "greeter:build", "path": "src"}
    return write_profile(directory, child, modules={"src/greeter.py": "A = 1"})


async def test_a_change_is_told_once(tmp_path: Path) -> None:
    app, told = app_in(tmp_path / "app"), Told()
    watch = CodeWatch(app, told)
    await watch.look()
    assert told.restarted == []
    (app / "src" / "greeter.py").write_text("A = 2 + 2")
    await watch.look()
    await watch.look()
    assert told.restarted == ["greeter"]
    assert told.said == ["greeter is started again: src/greeter.py changed"]
    assert told.reloads == 0


async def test_a_changed_profile_is_read_again_even_if_it_is_wrong(tmp_path: Path) -> None:
    app, told = app_in(tmp_path / "app"), Told()
    watch = CodeWatch(app, told)
    (app / "profile.toml").write_text("name = ")
    await watch.look()
    assert (told.reloads, told.restarted) == (1, [])


def test_files_that_nobody_writes_by_hand_are_not_looked_at(tmp_path: Path) -> None:
    ours = ("a.py", "in/e.mjs")
    for name in (*ours, "node_modules/b.js", ".venv/c.py", "__pycache__/d.py", "notes.txt", ".f.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    assert [path.name for path in sorted(file_stamps(tmp_path))] == ["a.py", "e.mjs"]


def test_what_came_went_or_changed_is_a_change() -> None:
    a, b, c, d = (Path(name) for name in "abcd")
    before = {a: (1, 1), b: (1, 1), c: (1, 1)}
    after = {a: (1, 1), b: (1, 2), d: (1, 1)}
    assert changed_files(before, after) == [b, c, d]


def test_a_file_that_goes_meanwhile_is_none(tmp_path: Path) -> None:
    os.symlink("nowhere.py", tmp_path / "a.py")
    assert file_stamps(tmp_path) == {}
