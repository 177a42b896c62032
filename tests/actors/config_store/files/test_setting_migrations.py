"""Settings of an earlier version are backed up and added to; neither version loses anything."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.config_store.files.config_file import ConfigFile, write_config
from actors.config_store.files.setting_migrations import MigrationFailed, back_up, load_migrations, migrate
from actors.shared.profile.profile import read_profile

TABLE = {
    1: lambda old: {**old, "vad.level": old.get("vad.loudness", 0) / 10},
    2: lambda old: {"ui.look": old.get("ui.theme", "system")},
}


def test_each_version_leads_to_the_next_and_what_was_there_stays() -> None:
    assert migrate({"vad.loudness": 5, "ui.theme": "dark"}, 1, 3, TABLE) == {
        "vad.loudness": 5,
        "ui.theme": "dark",
        "vad.level": 0.5,
        "ui.look": "dark",
    }


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({}, "there is no migration from version 1"),
        ({1: lambda old: {"a": 2}}, "it changes 'a'"),
        ({1: lambda old: 1 / 0}, "ZeroDivisionError"),
        ({1: lambda old: {"b": float("nan")}}, "the value of 'b' is not JSON"),
        ({1: lambda old: None}, "TypeError"),
    ],
)
def test_a_migration_that_fails_or_changes_something_is_refused(table: Any, words: str) -> None:
    with pytest.raises(MigrationFailed, match=words):
        migrate({"a": 1}, 1, 2, table)


@pytest.mark.requirement("S0-5", "S0-19")
@given(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=6))
def test_no_migration_loses_anything(stored: dict[str, Any]) -> None:
    table = {
        1: lambda old: {},
        2: lambda old: {f"{path}.new": value for path, value in old.items() if f"{path}.new" not in old},
    }
    found = (
        migrate(stored, 1, 3, table)
        if all(isinstance(v, str) or abs(v) < 1 << 62 for v in stored.values())
        else stored
    )
    assert stored.items() <= found.items()


@pytest.mark.requirement("S0-5", "S0-19")
def test_the_file_is_backed_up_before_it_is_migrated_and_the_older_app_only_reads_the_newer_file(
    tmp_path: Path,
) -> None:
    path = tmp_path / "config.json"
    write_config(path, {"vad.loudness": 5, "gone": [1]}, {"note": "mine"})
    before = path.read_bytes()
    newer = ConfigFile(path, 3, TABLE)
    assert newer.migration_fault == ""
    assert (tmp_path / "config.json.v1.bak").read_bytes() == before
    assert newer.known.overrides == {"vad.loudness": 5, "gone": [1], "vad.level": 0.5, "ui.look": "system"}
    assert json.loads(path.read_bytes())["settings_version"] == 3
    after = path.read_bytes()
    older = ConfigFile(path, 1)
    assert older.known.overrides["vad.loudness"] == 5
    assert "a later version of the app" in older.read_only
    assert path.read_bytes() == after
    assert ConfigFile(path, 3, TABLE).read_only == ""
    assert path.read_bytes() == after


@pytest.mark.requirement("S0-19")
def test_a_migration_that_fails_leaves_the_file_as_it_was_and_is_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    write_config(path, {"a": 1}, {})
    before = path.read_bytes()
    failed = ConfigFile(path, 2, {1: lambda old: {"a": 2}})
    assert "it changes 'a'" in failed.migration_fault
    assert path.read_bytes() == before
    failed.save({"a": 1, "b": 2})
    assert "settings_version" not in json.loads(path.read_bytes())
    assert ConfigFile(path, 2, {1: lambda old: {"c": 3}}).known.overrides == {"a": 1, "b": 2, "c": 3}


@pytest.mark.requirement("S0-4", "S0-19")
def test_a_backup_never_covers_an_earlier_one(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    for content in (b"one", b"two", b"two"):
        path.write_bytes(content)
        back_up(path, 4)
    assert {file.name: file.read_bytes() for file in tmp_path.glob("*.bak*")} == {
        "config.json.v4.bak": b"one",
        "config.json.v4.bak.2": b"two",
    }
    assert (tmp_path / "config.json.v4.bak").stat().st_mode & 0o777 == 0o600


def test_a_new_file_starts_with_the_present_version(tmp_path: Path) -> None:
    file = ConfigFile(tmp_path / "config.json", 3, {})
    file.save({"a": 1})
    assert json.loads(file.path.read_bytes()) == {"format": 1, "settings_version": 3, "overrides": {"a": 1}}


def test_the_table_is_the_profile_s(tmp_path: Path) -> None:
    (tmp_path / "profile.toml").write_text(
        'name = "a"\nsettings_version = 2\nsettings_migrations = "migrations.py:TABLE"\n'
    )
    (tmp_path / "migrations.py").write_text("TABLE = {1: lambda old: {'b': old['a']}}\n")
    assert migrate({"a": 1}, 1, 2, load_migrations(read_profile(tmp_path))) == {"a": 1, "b": 1}
    (tmp_path / "migrations.py").write_text("TABLE = [1]\n")
    with pytest.raises(MigrationFailed, match="a table of version to function"):
        load_migrations(read_profile(tmp_path))
