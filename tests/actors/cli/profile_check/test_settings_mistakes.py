"""Settings, presets and what refers to a setting: each mistake has its file, its place and its cure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from actors.cli.profile_check.settings_mistakes import settings_mistakes, without_setting
from actors.shared.profile.profile import read_profile
from tests.support.profiles import bundled, write_profile

SETTINGS = """
from pydantic import BaseModel, Field

class Editor(BaseModel):
    font_size: int = Field(default=12, ge=6)

class Settings(BaseModel):
    editor: Editor = Field(default_factory=Editor)
"""


def found_in(directory: Path) -> dict[str, str]:
    return {
        f"{Path(mistake.file).name}: {mistake.place}": f"{mistake.problem}; {mistake.cure}"
        for mistake in settings_mistakes(read_profile(directory))
    }


def with_schema(directory: Path, schema: Any) -> Path:
    files = {"s.json": json.dumps(schema)}
    return write_profile(directory, "config_store", top={"settings": "s.json"}, modules=files)


def test_sound_settings_have_none(tmp_path: Path) -> None:
    assert found_in(write_profile(tmp_path, "config_store", settings=SETTINGS)) == {}


def test_settings_that_nobody_declares_are_missed(tmp_path: Path) -> None:
    modes = '[[modes]]\nname = "one"\nenabled_by = "a.b"'
    found = found_in(write_profile(tmp_path, bundled("config_store"), tables=modes))
    assert set(found) == {"profile.toml: children.config_store.entry", "profile.toml: modes[0].enabled_by"}


def test_every_preset_is_read_to_its_end(tmp_path: Path) -> None:
    write_profile(tmp_path, settings=SETTINGS, top={"preset_setting": "editor.preset"})
    presets = tmp_path / "presets"
    presets.mkdir()
    (presets / "large.json").write_text('{"settings": {"editr": {"a": 1}, "editor": {"font_size": 1}}}')
    (presets / "torn.json").write_text("{")
    found = found_in(tmp_path)
    assert set(found) == {
        "profile.toml: preset_setting",
        "large.json: settings.editr",
        "large.json: settings.editor.font_size",
        "torn.json: ",
    }
    assert "'editor'" in found["large.json: settings.editr"]


def test_a_name_that_is_nearly_right_is_suggested(tmp_path: Path) -> None:
    write_profile(tmp_path, settings=SETTINGS, top={"allowlist": ["editor.*", "edtor.*"]})
    assert found_in(tmp_path)["profile.toml: allowlist[1]"].endswith(
        f"write 'editor', or declare it in {tmp_path / 'settings.py:Settings'}"
    )


def test_every_default_that_does_not_fit_is_named(tmp_path: Path) -> None:
    wrong = SETTINGS.replace("BaseModel)", "BaseModel, validate_default=True)").replace(
        "default=12, ge=6)", 'default=1, ge=6)\n    tab: int = "x"'
    )
    found = found_in(write_profile(tmp_path, settings=wrong))
    assert set(found) == {"settings.py:Settings: font_size", "settings.py:Settings: tab"}


def test_a_model_that_is_none_is_refused(tmp_path: Path) -> None:
    write_profile(tmp_path, settings="Settings = 3")
    assert "expected a pydantic model, found 3" in found_in(tmp_path)["profile.toml: settings"]


def test_every_setting_without_a_default_is_named(tmp_path: Path) -> None:
    settings = {"a": {"type": "integer"}, "b": {"type": "string"}, "c": {"default": 1}}
    schema = {"properties": {"one": {"type": "object", "properties": settings}}}
    assert set(found_in(with_schema(tmp_path, schema))) == {"s.json: one.a", "s.json: one.b"}


def test_what_is_no_json_schema_is_named_at_its_place(tmp_path: Path) -> None:
    schema = {"properties": {"a": {"type": "float", "default": 1}, "b": {"minimum": "x", "default": 1}}}
    assert set(found_in(with_schema(tmp_path, schema))) == {
        "s.json: properties.a.type",
        "s.json: properties.b.minimum",
    }


def test_a_schema_file_that_is_missing_is_named(tmp_path: Path) -> None:
    write_profile(tmp_path, top={"settings": "s.json"})
    assert "cannot be read" in found_in(tmp_path)["s.json: "]


def test_every_step_of_a_migration_is_there(tmp_path: Path) -> None:
    top = {"settings_version": 4, "settings_migrations": "m.py:SETTINGS"}
    write_profile(tmp_path, settings=SETTINGS, top=top, modules={"m.py": "SETTINGS = {2: dict}"})
    assert [problem.partition(";")[0] for problem in found_in(tmp_path).values()] == [
        "there is no migration from version 3 to 4"
    ]
    write_profile(tmp_path, settings=SETTINGS, top={"settings_version": 2})
    assert set(found_in(tmp_path)) == {"profile.toml: settings_migrations"}


def test_a_setting_is_taken_out_where_it_is_declared() -> None:
    schema = {"properties": {"a": {"properties": {"b": {}}, "required": ["b"]}}}
    assert without_setting(schema, "a.b") == {"properties": {"a": {"properties": {}, "required": []}}}
    assert without_setting(schema, "a.c") is None
    assert without_setting(3, "a") is None
