"""What the store takes from a profile, whichever way the settings are declared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.config_store.schema.settings_schema import SettingsSchemaWrong, is_plain, load_schema
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
    assert list(schema.fields) == ["vad.sensitivity"]
    assert schema.judge({"vad.sensitivity": 0.7}).effective == {"vad.sensitivity": 0.7}
    assert schema.judge({"vad.sensitivity": 7}).problems


def test_a_profile_may_declare_its_settings_as_a_model() -> None:
    assert "vad.sensitivity" in load_schema(read_profile(find_profile("dictation"))).fields


@pytest.mark.parametrize(
    "content", ["", "[]", '{"a": 1, "a": 2}', '{"properties": {"a": {"type": "nonsense", "default": 1}}}']
)
def test_a_file_that_is_no_schema_is_refused_by_name(tmp_path: Path, content: str) -> None:
    with pytest.raises(SettingsSchemaWrong, match=r"settings\.schema\.json"):
        load_schema(profile(tmp_path, content))


@pytest.mark.parametrize(
    "value",
    [
        float("inf"),
        float("nan"),
        b"x",
        1 << 64,
        -(1 << 63) - 1,
        {"a": {1: 2}},
        "\ud800",
        [object()],
        {"\udfff": 1},
    ],
)
def test_what_no_file_or_message_can_hold_is_not_plain(value: Any) -> None:
    assert not is_plain(value)


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 64) - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)


@given(st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5))
def test_what_is_plain_survives_a_file(value: Any) -> None:
    assert is_plain(value)
    assert json.loads(json.dumps(value, allow_nan=False)) == value
