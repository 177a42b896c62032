"""What the store takes from a profile, whichever way the settings are declared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from actors.config_store.schema.schema_loader import load_schema
from actors.config_store.schema.settings_schema import SettingsSchemaWrong
from actors.shared.profile.profile import find_profile, read_profile

SENSITIVITY = {"type": "number", "default": 0.5, "maximum": 1}
SCHEMA = {
    "type": "object",
    "properties": {"vad": {"title": "Voice", "properties": {"sensitivity": SENSITIVITY}}},
}


def profile(directory: Path, schema: Any) -> Any:
    (directory / "profile.toml").write_text('name = "probe"\nsettings = "settings.schema.json"\n')
    (directory / "settings.schema.json").write_text(schema if isinstance(schema, str) else json.dumps(schema))
    return read_profile(directory)


def test_a_profile_may_declare_its_settings_as_json_schema(tmp_path: Path) -> None:
    schema = load_schema(profile(tmp_path, SCHEMA))
    assert list(schema.specs) == ["vad.sensitivity"]
    assert schema.validate({"vad.sensitivity": 0.7}).effective == {"vad.sensitivity": 0.7}
    assert schema.validate({"vad.sensitivity": 7}).problems


def test_a_profile_may_declare_its_settings_as_a_model() -> None:
    assert "vad.sensitivity" in load_schema(read_profile(find_profile("dictation"))).specs


@pytest.mark.parametrize(
    "content", ["", "[]", '{"a": 1, "a": 2}', '{"properties": {"a": {"type": "nonsense", "default": 1}}}']
)
def test_a_file_that_is_no_schema_is_refused_by_name(tmp_path: Path, content: str) -> None:
    with pytest.raises(SettingsSchemaWrong, match=r"settings\.schema\.json"):
        load_schema(profile(tmp_path, content))
