"""For each layer its value, and which wins and why."""

from __future__ import annotations

from pydantic import BaseModel, Field

from actors.config_store.files.admin_policy import AdminPolicy
from actors.config_store.files.presets import Preset
from actors.config_store.schema.pydantic_schema import PydanticSchema
from actors.config_store.settings.configuration import load
from actors.config_store.settings.explanation import explain
from actors.config_store.settings.settings_context import LayerValues, SettingsContext


class Vad(BaseModel):
    sensitivity: float = Field(default=0.5, ge=0, le=1, title="Sensitivity")
    key: str = Field(default="", json_schema_extra={"x-secret": True})


class Settings(BaseModel):
    vad: Vad = Vad()
    preset: str = ""


SCHEMA = PydanticSchema(Settings)
QUIET = {"quiet": Preset("quiet", "Quiet", {"vad.sensitivity": 0.2})}


def test_every_layer_shows_its_value_and_the_winner_is_named() -> None:
    variables = LayerValues(
        "environment",
        "E",
        {"vad.sensitivity": 0.7},
        sources={"vad.sensitivity": "UNDERCROFT_SETTING__VAD__SENSITIVITY"},
    )
    context = SettingsContext(
        SCHEMA, presets=QUIET, preset_setting="preset", environment=variables, file="/home/config.json"
    )
    now, _ = load(context, {"preset": "quiet", "vad.sensitivity": 0.6})
    (found,) = explain(now, "vad.sensitivity")
    assert (found.title, found.value, found.winner, found.is_locked) == (
        "Sensitivity",
        0.7,
        "environment",
        False,
    )
    assert [(row.layer, row.value if row.is_set else None, row.wins) for row in found.layers] == [
        ("profile", 0.5, False),
        ("preset", 0.2, False),
        ("user", 0.6, False),
        ("environment", 0.7, True),
        ("session", None, False),
        ("policy", None, False),
    ]
    assert (
        found.reason
        == "the environment wins (UNDERCROFT_SETTING__VAD__SENSITIVITY), over the user's value and the preset"
    )


def test_a_value_that_does_not_count_says_why() -> None:
    now, _ = load(SettingsContext(SCHEMA, file="F"), {"vad.sensitivity": 7})
    (found,) = explain(now, "vad.sensitivity")
    assert found.winner == "profile"
    assert found.layers[2].value == 7
    assert "less than or equal to 1" in found.layers[2].problem
    assert found.reason.startswith("the app's default applies")


def test_what_is_locked_is_said_to_be() -> None:
    now, _ = load(
        SettingsContext(SCHEMA, policy=AdminPolicy("/etc/app/policy.json", {"vad.sensitivity": 0.1})),
        {"vad.sensitivity": 0.9},
    )
    (found,) = explain(now, "vad.sensitivity")
    assert (found.is_locked, found.winner, found.value) == (True, "policy", 0.1)
    assert "it is managed" in found.reason


def test_a_secret_shows_nowhere() -> None:
    now, _ = load(
        SettingsContext(SCHEMA, environment=LayerValues("environment", "E", {"vad.key": "hush"})),
        {"vad.key": "plain text"},
        {"vad.key": "psst"},
    )
    found = explain(now, "vad")
    assert [one.path for one in found] == ["vad.sensitivity", "vad.key"]
    assert found[1].value == "**********"
    assert not any(word in repr(found) for word in ("hush", "psst", "plain text"))


def test_what_does_not_exist_has_no_explanation() -> None:
    assert explain(load(SettingsContext(SCHEMA), {})[0], "va") == []
