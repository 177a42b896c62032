"""What whoever asked is told."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, Field

from actors.config_store import setting_changes
from actors.config_store.config_replies import describe, response
from actors.config_store.schema.pydantic_schema import PydanticSchema
from actors.config_store.setting_layers import Ground, Layer, Preset
from schemas.config import RuntimeConfigRequestEvent


class Vad(BaseModel):
    sensitivity: float = Field(default=0.5, ge=0, le=1, title="Sensitivity")
    key: str = Field(default="", json_schema_extra={"x-secret": True})
    port: int = Field(default=1, json_schema_extra={"x-restart": True})


class Settings(BaseModel):
    vad: Vad = Field(default_factory=Vad, title="Voice")


GROUND = Ground(PydanticSchema(Settings), presets={"quiet": Preset("quiet", "Quiet", {})})
UPDATE = RuntimeConfigRequestEvent(operation="update", updates={"vad.port": 2})


@pytest.mark.requirement("S2-17")
def test_the_words_say_what_waits_for_a_restart_what_is_shadowed_and_what_is_not_durable() -> None:
    base = Ground(PydanticSchema(Settings), environment=Layer("environment", "E", {"vad.sensitivity": 1.0}))
    verdict = setting_changes.update(
        setting_changes.load(base, {})[0], {"vad.port": 2, "vad.sensitivity": 0.2}
    )
    found = response(UPDATE, verdict, durable=False)
    assert (found.success, found.durable, found.restart, found.shadowed) == (
        True,
        False,
        ["vad.port"],
        {"vad.sensitivity": "environment"},
    )
    for words in (
        "1 setting changed",
        "kept but not in effect, since a higher layer wins: vad.sensitivity (environment)",
        "after a restart: vad.port",
        "in effect but not durable",
    ):
        assert words in found.message


def test_secrets_are_stars() -> None:
    verdict = setting_changes.update(
        setting_changes.load(GROUND, {})[0],
        {"vad.key": "hush"},
        references={"vad.key": {"$secret": "setting-1"}},
    )
    found = response(UPDATE, verdict, durable=True)
    assert found.overrides == {"vad.key": "**********"}
    assert found.settings["vad"]["key"] == "**********"
    assert "hush" not in repr(found)
    assert "setting-1" not in repr(found)


def test_a_settings_page_gets_titles_ranges_and_marks() -> None:
    found = describe(Ground(GROUND.schema, allowlist=("vad.port",), presets=GROUND.presets))
    sensitivity, key, port = found.fields
    assert (sensitivity.title, sensitivity.section, sensitivity.section_title, sensitivity.is_user) == (
        "Sensitivity",
        "vad",
        "Voice",
        False,
    )
    assert (key.is_secret, port.needs_restart, port.is_user) == (True, True, True)
    assert found.presets == {"quiet": "Quiet"}
    assert found.json_schema["type"] == "object"
