"""Requests become changes, verdicts become replies."""

from __future__ import annotations

import msgspec
import pytest
from pydantic import BaseModel, Field

from actors.config_store.config_replies import change_of, describe, response
from actors.config_store.files.presets import Preset
from actors.config_store.schema.pydantic_schema import PydanticSchema
from actors.config_store.settings.configuration import load
from actors.config_store.settings.setting_changes import change
from actors.config_store.settings.settings_context import LayerValues, SettingsContext
from schemas.config import RuntimeConfigRequestEvent, RuntimeConfigResponseEvent, SettingChange
from tests.support.settings_lab import reset, update


class Vad(BaseModel):
    sensitivity: float = Field(default=0.5, ge=0, le=1, title="Sensitivity")
    key: str = Field(default="", json_schema_extra={"x-secret": True})
    port: int = Field(default=1, json_schema_extra={"x-restart": True})


class Settings(BaseModel):
    vad: Vad = Field(default_factory=Vad, title="Voice")


CONTEXT = SettingsContext(PydanticSchema(Settings), presets={"quiet": Preset("quiet", "Quiet", {})})
UPDATE = RuntimeConfigRequestEvent(operation="update", updates={"vad.port": 2})


@pytest.mark.requirement("S2-17")
def test_the_words_say_what_waits_for_a_restart_what_is_shadowed_and_what_is_not_durable() -> None:
    base = SettingsContext(
        PydanticSchema(Settings), environment=LayerValues("environment", "E", {"vad.sensitivity": 1.0})
    )
    verdict = update(load(base, {})[0], {"vad.port": 2, "vad.sensitivity": 0.2})
    found = response(UPDATE, verdict, durable=False)
    assert (found.success, found.durable, found.restart, found.shadowed) == (
        True,
        False,
        ["vad.port"],
        {"vad.sensitivity": "environment"},
    )
    for words in (
        "1 setting changed",
        "stored but not in effect, because a higher layer wins: vad.sensitivity (environment)",
        "after a restart: vad.port",
        "in effect but not durable",
    ):
        assert words in found.message


def test_the_reply_names_what_the_request_changed_with_the_former_value() -> None:
    before = update(load(CONTEXT, {"vad.sensitivity": 0.3})[0], {"vad.port": 5}).after
    verdict = update(before, {"vad.port": 2, "vad.sensitivity": 0.3})
    assert response(UPDATE, verdict, durable=True).changed == {"vad.port": SettingChange(before=5, after=2)}
    refused = update(before, {"vad.sensitivity": 7})
    assert response(UPDATE, refused, durable=True).changed == {}


def test_a_changed_secret_is_named_and_neither_value_is_shown() -> None:
    now = load(CONTEXT, {})[0]
    found = []
    for number, value in enumerate(("hush", "psst")):
        verdict = update(now, {"vad.key": value}, references={"vad.key": {"$secret": f"setting-{number}"}})
        found.append(response(UPDATE, verdict, durable=True))
        now = verdict.after
    found.append(response(UPDATE, reset(now, "vad.key"), durable=True))
    assert [reply.changed for reply in found] == [
        {"vad.key": SettingChange(before="", after="**********")},
        {"vad.key": SettingChange(before="**********", after="**********")},
        {"vad.key": SettingChange(before="**********", after="")},
    ]
    assert not any(word in repr(found) for word in ("hush", "psst", "setting-"))


def test_a_reply_of_a_former_store_is_read_without_what_changed() -> None:
    old = b'{"type": "config.response", "success": true, "message": "1 setting changed"}'
    assert msgspec.json.decode(old, type=RuntimeConfigResponseEvent).changed == {}


@pytest.mark.requirement("S2-17")
def test_the_three_operations_that_reset_come_down_to_one_change() -> None:
    now = load(CONTEXT, {"vad.port": 5, "vad.sensitivity": 0.3})[0]
    requests = [
        RuntimeConfigRequestEvent(operation="reset_defaults"),
        RuntimeConfigRequestEvent(operation="reset_section", section="vad"),
        RuntimeConfigRequestEvent(operation="update", resets=["vad"]),
        RuntimeConfigRequestEvent(operation="update", resets=["vad.port", "vad.sensitivity"]),
    ]
    for request in requests:
        wanted = change_of(request)
        assert wanted is not None
        verdict = change(now, wanted)
        assert (verdict.after.overrides, verdict.changed) == ({}, {"vad.port": 1, "vad.sensitivity": 0.5})
    assert change_of(RuntimeConfigRequestEvent(operation="get_effective")) is None


def test_secrets_are_stars() -> None:
    verdict = update(
        load(CONTEXT, {})[0],
        {"vad.key": "hush"},
        references={"vad.key": {"$secret": "setting-1"}},
    )
    found = response(UPDATE, verdict, durable=True)
    assert found.overrides == {"vad.key": "**********"}
    assert found.settings["vad"]["key"] == "**********"
    assert "hush" not in repr(found)
    assert "setting-1" not in repr(found)


def test_a_settings_page_gets_titles_ranges_and_marks() -> None:
    found = describe(SettingsContext(CONTEXT.schema, allowlist=("vad.port",), presets=CONTEXT.presets))
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
