"""Stored values and the other layers: one that does not fit falls back alone, and nothing is lost."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, model_validator

from actors.config_store.files.presets import Preset
from actors.config_store.settings.configuration import load
from actors.shared.profile.profile import find_profile, read_profile
from tests.support.settings_lab import (
    JSON_VALUES,
    SETTING_PATHS,
    ExampleSettings,
    configuration,
    settings_context,
)


def test_the_fingerprint_follows_what_belongs_on_disk() -> None:
    first = configuration(language="de")
    assert first.fingerprint == configuration(language="de").fingerprint
    assert first.fingerprint != configuration(language="fr").fingerprint
    assert first.fingerprint != configuration(language="de", vad__gone=1).fingerprint


def test_a_preset_that_does_not_go_together_with_the_rest_is_left_out_as_a_whole() -> None:
    class Range(BaseModel):
        low: int = 0
        high: int = 10
        preset: str = ""

        @model_validator(mode="after")
        def ordered(self) -> Range:
            if self.low > self.high:
                raise ValueError("low is above high")
            return self

    presets = {"high": Preset("high", "High", {"low": 8})}
    context = settings_context(Range, None, presets=presets, preset_setting="preset")
    now, problems = load(context, {"high": 5, "preset": "high"})
    assert now.effective == {"low": 0, "high": 5, "preset": "high"}
    assert "low is above high" in problems[0].problem
    assert now.set_aside == {}


@pytest.mark.requirement("S2-11", "S2-13")
def test_overrides_are_laid_over_the_defaults_by_dotted_path() -> None:
    now = configuration(vad__sensitivity=0.8)
    assert now.settings == {
        "vad": {"sensitivity": 0.8, "multiplier": 2.0},
        "labels": {"names": {}},
        "language": "en",
    }


@pytest.mark.requirement("S2-12")
def test_unknown_and_disallowed_overrides_are_reported_once_and_kept_aside() -> None:
    now, problems = load(
        settings_context(allowlist=("vad.sensitivity",)),
        {"vad.multiplier": 3.0, "vad.old": 1, "vad.sensitivity": 0.7},
    )
    assert now.overrides == {"vad.sensitivity": 0.7}
    assert now.set_aside == {"vad.multiplier": 3.0, "vad.old": 1}
    assert [problem.path for problem in problems] == ["vad.multiplier", "vad.old"]


@pytest.mark.requirement("S0-5")
def test_an_override_out_of_range_falls_back_alone() -> None:
    now, problems = load(settings_context(), {"vad.sensitivity": 7, "vad.multiplier": 3.0})
    assert now.effective["vad.sensitivity"] == 0.5
    assert now.effective["vad.multiplier"] == 3.0
    assert now.set_aside == {"vad.sensitivity": 7}
    assert problems[0].path == "vad.sensitivity"
    assert "found 7" in problems[0].problem


@given(st.dictionaries(SETTING_PATHS | st.text(max_size=6), JSON_VALUES, max_size=5))
def test_whatever_lies_on_disk_is_loaded_and_nothing_of_it_is_lost(stored: dict[str, Any]) -> None:
    now, problems = load(settings_context(), stored)
    assert {**now.set_aside, **now.overrides} == stored
    assert bool(now.set_aside) == bool(problems)
    ExampleSettings.model_validate(now.settings)


@pytest.mark.requirement("S0-13")
@pytest.mark.parametrize(
    "stored",
    [
        {"history.persistence_mode": "cloud"},
        {"history.encrypt_at_rest": "perhaps"},
        {"history.max_entries": 9},
    ],
)
def test_history_settings_are_validated_at_load(stored: dict[str, Any]) -> None:
    model = read_profile(find_profile("dictation")).load_settings()
    now, problems = load(settings_context(model, None), stored)
    assert now.overrides == {}
    assert len(problems) == 1
