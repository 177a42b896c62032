"""`undercroft init`: what it writes passes `check`, starts, and is never written over something."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from actors.cli.commands.development.init import name_of
from tests.actors.cli.conftest import Cli
from tests.support.runtime_process import undercroft_command

ROOT = Path(__file__).parents[5]
pytestmark = pytest.mark.timeout(240)


def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path / "home", Path("dictation"))


def test_files_are_listed_and_next_steps_are_said(tmp_path: Path) -> None:
    ended = cli(tmp_path)("init", str(tmp_path / "myapp"), "--js")
    assert ended.code == 0
    assert "wrote src/greeter.py" in ended.out
    assert f"npm install --prefix {tmp_path / 'myapp'}" in ended.out
    assert "undercroft call myapp.greet" in ended.out
    (document,) = cli(tmp_path)("init", str(tmp_path / "other"), "--json").documents
    assert sorted(document["files"]) == sorted(
        path.relative_to(tmp_path / "other").as_posix()
        for path in (tmp_path / "other").rglob("*")
        if path.is_file()
    )


def test_nothing_that_is_there_is_overwritten(tmp_path: Path) -> None:
    app = tmp_path / "myapp"
    app.mkdir()
    (app / "settings.py").write_text("mine")
    (app / "README.md").symlink_to("nowhere")
    ended = cli(tmp_path)("init", str(app))
    assert ended.code == 4
    assert "nothing was written, since these are there already: README.md, settings.py" in ended.err
    assert sorted(path.name for path in app.iterdir()) == ["README.md", "settings.py"]
    assert (app / "settings.py").read_text() == "mine"


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    app = tmp_path / "myapp"
    app.mkdir()
    (app / "settings.py").write_text("mine")
    ended = cli(tmp_path)("init", str(app), "--dry-run")
    assert ended.code == 0
    assert "would write settings.py (is there!)" in ended.out
    assert len(list(app.iterdir())) == 1


def test_a_place_that_cannot_be_written_to_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ended = cli(tmp_path)("init", str(tmp_path / "file" / "myapp"))
    assert (ended.code, "cannot be written" in ended.err) == (4, True)


@pytest.mark.parametrize(
    ("directory", "name"),
    [("myapp", "myapp"), ("2024", "myapp"), ("..notes.app", "notes_app"), ("Grüße", "Gr_e")],
)
def test_an_app_is_named_after_its_directory(directory: str, name: str) -> None:
    assert name_of(Path("/x") / directory) == name


@pytest.mark.slow
@pytest.mark.parametrize("options", [[], ["--settings", "json-schema"]], ids=["python", "json-schema"])
def test_what_it_writes_is_tested_checked_started_and_edited(options: list[str], tmp_path: Path) -> None:
    app, home = tmp_path / "myapp", tmp_path / "home"

    def run(*words: str) -> str:
        command = undercroft_command(home, *words, profile=app)
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    run("init", str(app), *options)
    assert run("check") == f"{app}: no mistakes\n"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    pytest_command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    tested = subprocess.run(
        pytest_command, cwd=app, env=environment, capture_output=True, text=True, timeout=100, check=False
    )
    assert "1 passed" in tested.stdout, tested.stdout + tested.stderr
    try:
        run("up", "--detach")
        run("config", "set", "greeting.language", "de")
        assert "hallo you" in run("call", "myapp.greet", '{"name": "you"}')
    finally:
        run("down")
