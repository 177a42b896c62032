"""The bundled profile is consistent, and its settings have the required defaults and ranges."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from actors.runtime.supervisor.core.child_spec import BROKER
from actors.runtime.supervisor.profile_children import children_of
from actors.shared.profile.profile import find_profile, read_profile

PROFILE = read_profile(find_profile("dictation"))
SETTINGS = PROFILE.load_settings()


@pytest.mark.requirement("S0-11")
@pytest.mark.requirement("S0-20")
def test_by_default_history_stays_in_memory_and_logs_stay_out_of_files() -> None:
    settings: Any = SETTINGS()
    assert (settings.history.persistence_mode, settings.history.max_entries) == ("memory", 100)
    assert settings.diagnostics.file_logs is False


@pytest.mark.requirement("S0-13")
@pytest.mark.parametrize(
    ("section", "values"),
    [
        ("history", {"persistence_mode": "cloud"}),
        ("history", {"encrypt_at_rest": "perhaps"}),
        ("history", {"max_entries": 9}),
        ("history", {"max_entries": 10_001}),
        ("vad", {"sensitivity": 1.1}),
        ("vad", {"unheard_of": 1}),
        ("models", {"mirror_url": "ftp://example.org"}),
        ("nowhere", {}),
    ],
)
def test_values_out_of_range_and_unknown_settings_are_refused(section: str, values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SETTINGS.model_validate({section: values})


def test_settings_cannot_be_changed_in_place() -> None:
    settings: Any = SETTINGS()
    with pytest.raises(ValidationError):
        settings.vad.sensitivity = 0.1


@pytest.mark.requirement("S2-14")
def test_the_energy_threshold_follows_from_noise_floor_and_multiplier() -> None:
    settings: Any = SETTINGS.model_validate({"vad": {"noise_floor": 0.01, "energy_threshold_multiplier": 3}})
    assert settings.vad.energy_threshold == pytest.approx(0.03)


def test_every_setting_has_a_title() -> None:
    def untitled(model: type[BaseModel], path: str) -> list[str]:
        found = [f"{path}{name}" for name, field in model.model_fields.items() if not field.title]
        for name, field in model.model_fields.items():
            if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
                found += untitled(field.annotation, f"{path}{name}.")
        return found

    assert untitled(SETTINGS, "") == []


def test_the_allowlist_names_sections_that_exist() -> None:
    assert {pattern.split(".")[0] for pattern in PROFILE.allowlist or ()} <= set(SETTINGS.model_fields)


def test_its_children_can_be_carried_out_and_all_wait_for_the_broker() -> None:
    broker, *others = children_of(PROFILE)
    assert broker.name == BROKER
    assert all(BROKER in child.depends_on for child in others)
