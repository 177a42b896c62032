"""Settings leave as JSON or TOML and come back, all or none."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from actors.cli.commands.config.config_transfer import ImportFileWrong, read_settings

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("style", ["json", "toml"])
def test_what_was_exported_is_imported(running: Any, tmp_path: Path, style: str) -> None:
    running("config", "set", "vad.sensitivity", "0.75", "ui.theme", "dark")
    exported = running("config", "export", "--format", style).out
    file = tmp_path / f"settings.{style}"
    file.write_text(exported)
    assert (json.loads if style == "json" else tomllib.loads)(exported) == {
        "vad": {"sensitivity": 0.75},
        "ui": {"theme": "dark"},
    }
    running("config", "reset", "--all")
    dry = running("config", "import", str(file), "--dry-run")
    assert "vad.sensitivity: 0.5 -> 0.75" in dry.out
    assert running("config", "get", "vad.sensitivity").out == "0.5\n"
    assert running("config", "import", str(file)).out.splitlines()[-1] == "2 settings changed"
    assert "already" in running("config", "import", str(file)).out
    running("config", "reset", "--all")


def test_all_of_them_are_exported_and_come_back_without_a_change(running: Any, tmp_path: Path) -> None:
    file = tmp_path / "all.json"
    file.write_text(running("config", "export", "--all").out)
    assert json.loads(file.read_text())["stt"]["language"] == "auto"
    assert running("config", "import", str(file)).code == 0


def test_a_file_without_settings_changes_nothing(running: Any, tmp_path: Path) -> None:
    file = tmp_path / "empty.json"
    file.write_text("{}")
    ended = running("config", "import", str(file))
    assert (ended.code, ended.out) == (0, "0 settings changed: all values are in effect already\n")


def test_one_bad_value_and_nothing_is_taken(running: Any, tmp_path: Path) -> None:
    file = tmp_path / "bad.json"
    file.write_text('{"ui.theme": "dark", "vad": {"sensitivity": 7}}')
    ended = running("config", "import", str(file))
    assert (ended.code, ended.out.splitlines()[-1]) == (4, "nothing was changed")
    assert running("config", "get", "ui.theme").out == '"system"\n'


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", "{"),
        ("a.json", "[]"),
        ("a.json", '{"a": 1, "a": 2}'),
        ("a.toml", "a = "),
        ("a.txt", "a = 1"),
    ],
)
def test_a_file_that_is_neither_is_refused_by_name(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(ImportFileWrong, match="nothing was changed"):
        read_settings(tmp_path / name)
    with pytest.raises(ImportFileWrong, match="cannot be read"):
        read_settings(tmp_path / "absent.json")
