"""A changed file starts what runs it again, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.runtime.supervisor.code_changes import children_to_restart
from actors.shared.profile.profile import Profile, read_profile
from tests.support.profiles import bundled, write_profile


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    (tmp_path / "src").mkdir()
    (tmp_path / "presets").mkdir()
    (tmp_path / "presets" / "large.json").write_text("{}")
    return read_profile(
        write_profile(
            tmp_path,
            bundled("config_store"),
            bundled("state_store"),
            bundled("model_downloader"),
            {"name": "greeter", "entry": "greeter:build", "path": "src"},
            {"name": "tray", "command": ["{python}", "-u", "tray.py"]},
            {"name": "tool", "command": ["bin/tool", "--fast"], "cwd": "side"},
            {"name": "node", "command": ["node", "main.mjs", "config.json"], "cwd": "side"},
            top={
                "settings": "settings.py:Settings",
                "settings_migrations": "moves.py:SETTINGS",
                "documents": "documents.py:DOCUMENTS",
                "models": "models.json",
            },
            tables='[[namespaces]]\nname = "notes"\nschema = "notes.json"',
        )
    )


@pytest.mark.parametrize(
    ("file", "children"),
    [
        ("src/greeter.py", ["greeter"]),
        ("src/inner/words.py", ["greeter"]),
        ("src/words.json", []),
        ("settings.py", ["config_store"]),
        ("moves.py", ["config_store"]),
        ("presets/large.json", ["config_store"]),
        ("documents.py", ["state_store"]),
        ("notes.json", ["state_store"]),
        ("models.json", ["model_downloader"]),
        ("tray.py", ["tray"]),
        ("helper.py", ["tray"]),
        ("bin/tool", ["tool"]),
        ("side/main.mjs", ["node"]),
        ("side/lib/words.mjs", ["node"]),
        ("side/config.json", ["node"]),
        ("other/words.mjs", []),
        ("README.md", []),
    ],
)
def test_a_file_belongs_to_who_runs_it(file: str, children: list[str], profile: Profile) -> None:
    assert children_to_restart(profile, [profile.directory / file]) == children


def test_several_changes_start_each_child_once(profile: Profile) -> None:
    changed = [profile.directory / name for name in ("src/a.py", "src/b.py", "tray.py")]
    assert children_to_restart(profile, changed) == ["greeter", "tray"]
