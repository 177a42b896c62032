"""The settings of bundled actors: one line of a profile brings a section, and the page lists every one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, create_model

from actors.config_store.schema.schema_loader import load_schema
from actors.config_store.schema.settings_schema import SettingsSchemaWrong
from actors.shared.profile.actor_settings import (
    ACTOR_SETTINGS,
    declared_twice,
    extended_model,
    extended_schema,
)
from actors.shared.profile.profile import ProfileError, read_profile
from tests.support.profiles import COUNTERS, write_profile

PAGE = Path(__file__).parents[4] / "docs" / "settings.md"


class Own(BaseModel):
    model_config = ConfigDict(extra="forbid")
    font_size: int = 12


def test_a_model_gains_sections_and_keeps_its_own_rules() -> None:
    found = extended_model(Own, ["history", "models"])
    assert issubclass(found, Own)
    assert found().model_dump()["history"]["persistence_mode"] == "memory"
    with pytest.raises(ValueError, match="extra"):
        found.model_validate({"histori": {}})
    assert extended_model(Own, []) is Own
    assert set(extended_model(None, ["history"])().model_dump()) == {"history"}


def test_a_json_schema_gains_the_same() -> None:
    content = {"properties": {"font_size": {"type": "integer", "default": 12}}}
    found = extended_schema(content, ["history"])
    assert set(content["properties"]) == {"font_size"}
    assert found["properties"]["history"]["properties"]["max_entries"]["default"] == 100


def test_a_section_of_the_app_itself_is_not_replaced() -> None:
    assert "'history' is declared here" in declared_twice(["history", "x"], ["history"])
    assert declared_twice(["x"], ["history"]) == ""


@pytest.mark.parametrize("how", ["python", "json", "nothing else"])
def test_one_line_of_a_profile_brings_them(how: str, tmp_path: Path) -> None:
    top: dict[str, Any] = {"settings_of": ["history", "diagnostics"]}
    files = {}
    if how == "json":
        top["settings"] = "s.json"
        files["s.json"] = json.dumps({"properties": {"a": {"type": "integer", "default": 1}}})
    settings = COUNTERS if how == "python" else ""
    profile = read_profile(write_profile(tmp_path, top=top, settings=settings, modules=files))
    schema = load_schema(profile)
    assert profile.has_settings
    assert schema.specs["history.max_entries"].default == 100
    assert schema.sections["diagnostics"] == "Diagnostics"
    assert not schema.validate({"history.max_entries": 3}).effective


def test_a_section_that_is_declared_twice_is_refused(tmp_path: Path) -> None:
    own = COUNTERS.replace("counters: Counters", "history: Counters")
    profile = read_profile(write_profile(tmp_path, top={"settings_of": ["history"]}, settings=own))
    with pytest.raises(SettingsSchemaWrong, match="keep one of them"):
        load_schema(profile)


def test_a_section_that_no_actor_has_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="'history', 'models' or 'diagnostics', found 'voice'"):
        read_profile(write_profile(tmp_path, top={"settings_of": ["voice"]}))


def _row(section: str, name: str, declared: dict[str, Any]) -> str:
    return f"| `{section}.{name}` | `{json.dumps(declared['default'])}` | {_meaning(declared)} |"


def _meaning(declared: dict[str, Any]) -> str:
    return ". ".join(filter(None, (declared.get("title", ""), declared.get("description", "").rstrip("."))))


@pytest.mark.parametrize("section", ACTOR_SETTINGS)
def test_the_page_lists_every_one(section: str) -> None:
    rows = [
        _row(section, name, declared)
        for name, declared in ACTOR_SETTINGS[section][1].model_json_schema()["properties"].items()
    ]
    page = PAGE.read_text(encoding="utf-8")
    assert [row for row in rows if row not in page] == []


def test_sections_can_be_named_as_fields() -> None:
    assert create_model("Any", **dict.fromkeys(ACTOR_SETTINGS, (int, 1)))  # type: ignore[call-overload]
