"""The store as the supervisor builds it, from a profile that uses everything it may declare."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from actors.config_store import build
from actors.config_store.actor import ConfigStore
from actors.config_store.files.setting_migrations import MigrationFailed
from actors.config_store.json_object import JsonFileWrong
from actors.config_store.settings.setting_variables import variable_of
from actors.shared.context import ActorContext
from actors.shared.locations.locations import locate
from actors.shared.profile.profile import read_profile
from tests.support.actor_contexts import context_without_bus

SCHEMA = {
    "properties": {
        "vad": {
            "properties": {
                "sensitivity": {"type": "number", "default": 0.5, "minimum": 0, "maximum": 1},
                "level": {"type": "number", "default": 0},
                "loudness": {"type": "integer", "default": 0},
            }
        },
        "ui": {
            "properties": {
                "theme": {"type": "string", "default": "system"},
                "preset": {"type": "string", "default": ""},
            }
        },
    }
}
PROFILE = """
name = "everything"
settings = "settings.schema.json"
settings_version = 2
settings_migrations = "migrations.py:MIGRATIONS"
preset_setting = "ui.preset"
policy = "policy.json"
"""


@pytest.fixture
def context(tmp_path: Path) -> ActorContext:
    directory, config = tmp_path / "profile", tmp_path / "home" / "config"
    (directory / "presets").mkdir(parents=True)
    config.mkdir(parents=True)
    (directory / "settings.schema.json").write_text(json.dumps(SCHEMA))
    (directory / "profile.toml").write_text(PROFILE)
    (directory / "migrations.py").write_text(
        "MIGRATIONS = {1: lambda old: {'vad.level': old['vad.loudness'] / 10}}\n"
    )
    (directory / "presets" / "dark.json").write_text(
        '{"settings": {"ui.theme": "dark", "vad.sensitivity": 0.1}}'
    )
    (config / "config.json").write_text(
        '{"format": 1, "overrides": {"vad.loudness": 5, "ui.preset": "dark", "gone": 1}}'
    )
    (config / "policy.json").write_text('{"format": 1, "values": {"vad.loudness": 7}}')
    (config / "policy.json").chmod(0o600)
    return context_without_bus(
        name="config_store",
        locations=locate("everything", tmp_path / "home", {}),
        profile=read_profile(directory),
    )


@pytest.mark.requirement("S0-1", "S0-5", "S0-19", "S2-11")
def test_every_layer_is_read_and_earlier_settings_are_migrated(
    context: ActorContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable_of("vad.sensitivity"), "0.9")
    store = build(context)
    assert isinstance(store, ConfigStore)
    assert store.now.settings == {
        "vad": {"sensitivity": 0.9, "level": 0.5, "loudness": 7},
        "ui": {"theme": "dark", "preset": "dark"},
    }
    assert store.now.stored == {"vad.loudness": 5, "ui.preset": "dark", "gone": 1, "vad.level": 0.5}
    assert {problem.path for problem in store.problems} == {"vad.loudness", "gone"}
    assert (context.locations.config / "config.json.v1.bak").exists()


def test_a_broken_policy_is_told_and_the_store_starts_without(context: ActorContext) -> None:
    path = context.locations.config / "policy.json"
    path.write_text("{")
    store = build(context)
    assert isinstance(store, ConfigStore)
    assert store.now.effective["vad.loudness"] == 5
    assert str(path) in [problem.path for problem in store.problems]


def test_what_the_app_s_developer_got_wrong_stops_the_start_by_name(context: ActorContext) -> None:
    directory = context.profile.directory
    (directory / "presets" / "dark.json").write_text('{"settings": {"ui.colour": "dark"}}')
    with pytest.raises(JsonFileWrong, match=r"dark\.json"):
        build(context)
    (directory / "presets" / "dark.json").unlink()
    (directory / "migrations.py").write_text("MIGRATIONS = 1\n")
    with pytest.raises(MigrationFailed, match=r"migrations\.py:MIGRATIONS"):
        build(context)
