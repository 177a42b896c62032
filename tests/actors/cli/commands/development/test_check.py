"""`undercroft check`, and what `undercroft up` makes of it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.actors.cli.conftest import Cli
from tests.support.profiles import write_profile
from tests.support.runtime_process import undercroft_command

pytestmark = pytest.mark.timeout(120)


def test_a_sound_profile_is_said_to_be_so(tmp_path: Path) -> None:
    ended = Cli(tmp_path / "home", write_profile(tmp_path / "app"))("check")
    assert (ended.code, ended.out) == (0, f"{tmp_path / 'app'}: no mistakes\n")
    assert not (tmp_path / "home").exists()


def test_every_mistake_is_named_for_a_person_and_for_a_program(tmp_path: Path) -> None:
    app = write_profile(
        tmp_path / "app",
        {"name": "tray", "command": ["no-such-program-here"]},
        {"name": "greeter", "entry": "greeter:build"},
        top={"models": "no.json"},
    )
    ended = Cli(tmp_path / "home", Path("dictation"))("check", str(app))
    assert ended.code == 1
    assert "children.greeter.entry: there is no module 'greeter'; put greeter.py into" in ended.out
    assert ended.out.splitlines()[-1].startswith("3 mistakes; 2 of them: 'undercroft up' starts nothing")
    document = json.loads(Cli(tmp_path / "home", app)("check", "--json").out)
    assert [(one["place"], one["blocks"]) for one in document["mistakes"]] == [
        ("children.greeter.entry", True),
        ("children.tray.command", False),
        ("models", True),
    ]


def test_a_profile_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert Cli(tmp_path, Path("dictation"))("check", str(tmp_path / "nowhere")).code == 4


@pytest.mark.slow
@pytest.mark.parametrize("how", [["--detach"], [], ["--spawn", "spawn"], ["--json"]], ids=str)
def test_up_says_the_same_sentence_and_starts_nothing(how: list[str], tmp_path: Path) -> None:
    app, home = tmp_path / "app", tmp_path / "home"
    write_profile(app, "config_store", {"name": "a", "entry": "nobody:build"}, settings="Settings = 3")
    sentences = Cli(home, app)("check").out.splitlines()[:2]
    command = undercroft_command(home, "up", *how, profile=app)
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 4
    said = json.loads(ended.stdout) if "--json" in how else {"error": ended.stderr, "type": "ProfileError"}
    assert said["type"] == "ProfileError"
    assert [sentence in said["error"] for sentence in sentences] == [True, True]
    assert not list(home.rglob("*.lock"))
