"""Six layers, one value: the highest that counts, and a bad value falls back alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, model_validator

from actors.config_store.files.admin_policy import AdminPolicy
from actors.config_store.files.presets import Preset
from actors.config_store.schema.pydantic_schema import PydanticSchema
from actors.config_store.settings.configuration import load
from actors.config_store.settings.setting_changes import replace_context
from actors.config_store.settings.setting_layers import merge, stack_layers, winner_of
from actors.config_store.settings.settings_context import LayerValues, SettingsContext
from tests.support.settings_lab import reset, reset_all, update

ORDER = ("preset", "user", "environment", "session", "policy")


class Vad(BaseModel):
    model_config = ConfigDict(extra="forbid")
    sensitivity: float = Field(default=0.5, ge=0, le=1)
    low: int = Field(default=0, ge=0, le=100)
    high: int = Field(default=100, ge=0, le=100)

    @model_validator(mode="after")
    def ordered(self) -> Vad:
        if self.low > self.high:
            raise ValueError("low is above high")
        return self


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")
    vad: Vad = Vad()
    preset: str = ""
    theme: str = Field(default="system", json_schema_extra={"x-restart": True})
    internal: int = Field(default=1, json_schema_extra={"x-user": False})


def settings_context(**more: Any) -> SettingsContext:
    return SettingsContext(PydanticSchema(Settings), **more)


PRESETS = {
    "quiet": Preset("quiet", "Quiet", {"vad.sensitivity": 0.2, "theme": "dark"}),
    "loud": Preset("loud", "Loud", {"vad.sensitivity": 0.9}),
}


@given(st.lists(st.sampled_from(ORDER), unique=True))
def test_the_highest_layer_that_has_a_value_wins(present: list[str]) -> None:
    layers = [LayerValues(name, name, {"theme": name} if name in present else {}) for name in ORDER]  # type: ignore[arg-type]  # names of layers
    highest = [name for name in ORDER if name in present]
    assert winner_of(layers, "theme") == (highest[-1] if highest else "profile")
    assert merge(layers) == ({"theme": highest[-1]} if highest else {})


def test_policy_beats_session_beats_environment_beats_user_beats_preset() -> None:
    found = settings_context(
        presets=PRESETS,
        preset_setting="preset",
        environment=LayerValues("environment", "E", {"vad.low": 3}),
        policy=AdminPolicy("P", {"vad.high": 90}),
    )
    now, problems = load(found, {"preset": "quiet", "vad.sensitivity": 0.4, "vad.low": 1}, {"theme": "light"})
    assert problems == []
    assert now.effective == {
        "vad.sensitivity": 0.4,
        "vad.low": 3,
        "vad.high": 90,
        "preset": "quiet",
        "theme": "light",
        "internal": 1,
    }


def test_a_preset_is_chosen_by_its_setting_and_gives_way_to_what_the_user_set() -> None:
    now, _ = load(settings_context(presets=PRESETS, preset_setting="preset"), {})
    quiet = update(now, {"preset": "quiet"})
    assert quiet.changed == {"preset": "quiet", "vad.sensitivity": 0.2, "theme": "dark"}
    assert quiet.after.overrides == {"preset": "quiet"}
    own = update(quiet.after, {"theme": "light"}).after
    loud = update(own, {"preset": "loud"})
    assert loud.changed == {"preset": "loud", "vad.sensitivity": 0.9}
    assert reset(loud.after, "preset").after.effective["vad.sensitivity"] == 0.5


def test_a_preset_that_does_not_exist_is_refused_on_request_and_reported_at_load() -> None:
    base = settings_context(presets=PRESETS, preset_setting="preset")
    verdict = update(load(base, {})[0], {"preset": "silly"})
    assert "expected one of loud, quiet" in verdict.problems[0].problem
    now, problems = load(base, {"preset": "silly", "theme": "dark"})
    assert now.effective["theme"] == "dark"
    assert problems[0].path == "preset"


def test_what_is_managed_is_refused_and_what_lies_below_stays_on_disk() -> None:
    managed = AdminPolicy("/etc/app/policy.json", {"theme": "dark"}, ("vad.*",), "ask the help desk")
    now, problems = load(settings_context(policy=managed), {"theme": "light", "vad.low": 5})
    assert (now.effective["theme"], now.effective["vad.low"]) == ("dark", 0)
    assert now.set_aside == {"theme": "light", "vad.low": 5}
    assert {problem.path for problem in problems} == {"theme", "vad.low"}
    for path in ("theme", "vad.high"):
        refused = update(now, {path: 1})
        assert "managed by /etc/app/policy.json" in refused.problems[0].problem
        assert "ask the help desk" in refused.problems[0].problem
    freed, _ = replace_context(now, settings_context())
    assert freed.after.effective["theme"] == "light"
    assert freed.after.set_aside == {}


@pytest.mark.requirement("S0-5")
def test_the_higher_layer_is_asked_first_where_two_values_do_not_go_together() -> None:
    now, problems = load(
        settings_context(policy=AdminPolicy("P", {"vad.high": 10})), {"vad.low": 50, "theme": "dark"}
    )
    assert (now.effective["vad.high"], now.effective["vad.low"], now.effective["theme"]) == (10, 0, "dark")
    assert now.set_aside == {"vad.low": 50}
    assert "low is above high" in problems[0].problem


def test_a_setting_of_the_app_alone_is_closed_to_the_user_and_open_to_environment_and_policy() -> None:
    now, problems = load(
        settings_context(environment=LayerValues("environment", "E", {"internal": 2})), {"internal": 3}
    )
    assert now.effective["internal"] == 2
    assert problems[0].path == "internal"
    assert "the app does not allow it" in update(now, {"internal": 4}).problems[0].problem
    assert load(settings_context(policy=AdminPolicy("P", {"internal": 5})), {})[0].effective["internal"] == 5


def test_what_is_set_below_a_higher_layer_is_kept_and_said_to_be_without_effect() -> None:
    now, _ = load(settings_context(environment=LayerValues("environment", "E", {"theme": "dark"})), {})
    verdict = update(now, {"theme": "light"})
    assert verdict.is_taken
    assert (verdict.changed, verdict.shadowed, verdict.after.overrides) == (
        {},
        {"theme": "environment"},
        {"theme": "light"},
    )
    assert not update(now, {"vad.sensitivity": 7}).is_taken


def test_a_value_below_a_higher_layer_is_judged_all_the_same() -> None:
    now, _ = load(settings_context(environment=LayerValues("environment", "E", {"vad.sensitivity": 0.1})), {})
    assert not update(now, {"vad.sensitivity": 7}).is_taken


def test_session_values_are_not_stored_and_lie_above_the_user_s() -> None:
    now, _ = load(settings_context(), {"theme": "dark"})
    verdict = update(now, {"theme": "light"}, scope="session")
    assert verdict.after.stored == {"theme": "dark"}
    assert verdict.after.effective["theme"] == "light"
    assert verdict.restart == ["theme"]
    assert reset_all(verdict.after, "session").after.effective["theme"] == "dark"


values = st.one_of(
    st.integers(-5, 105),
    st.sampled_from(["dark", "quiet", ""]),
    st.none(),
    st.floats(allow_nan=False),
    st.booleans(),
)
layer_values = st.dictionaries(
    st.sampled_from(["vad.sensitivity", "vad.low", "vad.high", "theme", "preset", "internal", "gone", "vad"]),
    values,
)


@given(layer_values, layer_values, layer_values, layer_values)
def test_whatever_the_layers_hold_the_settings_are_valid_and_nothing_stored_is_lost(
    stored: dict[str, Any], environment: dict[str, Any], session: dict[str, Any], managed: dict[str, Any]
) -> None:
    base = settings_context(
        presets=PRESETS,
        preset_setting="preset",
        environment=LayerValues("environment", "E", environment),
        policy=AdminPolicy("P", managed),
    )
    now, _ = load(base, stored, session)
    assert now.stored == stored
    Settings.model_validate(now.settings)
    layers, _ = stack_layers(base, stored, session)
    assert [layer.name for layer in layers] == list(ORDER)
    back, _ = replace_context(now, replace(base, policy=AdminPolicy("P")))
    assert back.after.stored == stored
