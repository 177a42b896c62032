"""`undercroft config edit` with an editor that is a program."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from actors.cli.commands.config.config_edit import EditorFailed, difference, run_editor

pytestmark = pytest.mark.slow


def editor(directory: Path, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the editor be some Python that is handed `found`, the settings, and leaves `text`."""
    script = directory / "editor.py"
    begin = "import json, sys, subprocess\npath = sys.argv[1]\nfound = json.load(open(path))\ntext = None\n"
    script.write_text(f"{begin}{code}\nopen(path, 'w').write(text or json.dumps(found))\n")
    monkeypatch.setenv("VISUAL", f"{sys.executable} {script}")


@pytest.fixture
def edited(running: Any) -> Any:
    running("config", "set", "vad.sensitivity", "0.75", "ui.theme", "dark")
    yield running
    running("config", "reset", "--all")


def test_what_the_editor_changes_adds_and_removes_is_applied_at_once(
    edited: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor(
        tmp_path,
        "found['vad.sensitivity'] = 0.8; del found['ui.theme']; found['stt.threads'] = 2",
        monkeypatch,
    )
    ended = edited("config", "edit")
    assert ended.code == 0, ended.err
    assert ended.out.splitlines()[-1] == "3 settings changed"
    assert edited("config", "list", "--overrides", "--json").documents == [
        {"vad.sensitivity": 0.8, "stt.threads": 2}
    ]


@pytest.mark.parametrize(
    ("code", "words"),
    [("found['vad.sensitivity'] = 7", "vad.sensitivity: "), ("text = '{'", "expected JSON")],
)
def test_a_mistake_applies_nothing_and_keeps_the_text(
    edited: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, words: str
) -> None:
    editor(tmp_path, code, monkeypatch)
    ended = edited("config", "edit")
    assert ended.code == 4
    assert words in ended.err
    kept = Path(ended.err.strip().splitlines()[-1].rpartition(" ")[2])
    assert kept.is_file()
    assert edited("config", "get", "vad.sensitivity").out == "0.75\n"


def test_a_change_by_somebody_else_meanwhile_is_noticed(
    edited: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = json.dumps(edited.command("config", "set", "ui.theme", "light"))
    editor(
        tmp_path,
        f"subprocess.run({other}, check=True, capture_output=True); found['vad.sensitivity'] = 0.1",
        monkeypatch,
    )
    ended = edited("config", "edit")
    assert ended.code == 4
    assert "changed by somebody else" in ended.err
    assert edited("config", "get", "vad.sensitivity").out == "0.75\n"


def test_an_editor_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISUAL", f"{sys.executable} -c 'raise SystemExit(3)'")
    with pytest.raises(EditorFailed, match="ended with 3"):
        run_editor(tmp_path / "x")
    monkeypatch.setenv("VISUAL", str(tmp_path / "no-such-editor"))
    with pytest.raises(EditorFailed, match="cannot be started"):
        run_editor(tmp_path / "x")


def test_the_difference_names_what_to_set_and_what_goes_back() -> None:
    assert difference({"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 5, "d": 4}) == ({"b": 5, "d": 4}, ["c"])
