"""Which model serves a category, how well, and what that means for the modes."""

from __future__ import annotations

import dataclasses
import json

import msgspec
import pytest

from actors.readiness.snapshot.availability import (
    ReadinessDeclaration,
    availability_of,
    broken_models,
    bundled_categories,
    category_status,
    chosen_model,
    is_enabled,
    needed_categories,
    place_reason,
)
from actors.readiness.snapshot.readiness_facts import ReadinessFacts
from actors.shared.profile.mode_tables import CategoryTable
from actors.shared.profile.profile import find_profile, read_profile
from tests.support.readiness_lab import (
    DECLARED,
    ENGLISH,
    MODES,
    TABLE,
    all_installed,
    facts_of,
    paths_event,
    status,
)


def test_a_persons_choice_wins_over_the_profiles_and_that_over_what_happens_to_be_there() -> None:
    facts = facts_of(status("base", "installed"), status("spare", "installed"))
    assert chosen_model("stt", facts_of(stt="spare"), TABLE) == "spare"
    assert chosen_model("stt", facts, TABLE) == "base"
    bare = msgspec.structs.replace(TABLE, categories={"stt": CategoryTable(setting="stt.model_id")})
    assert chosen_model("stt", facts_of(status("spare", "installed")), bare) == "spare"
    assert chosen_model("stt", facts_of(status("spare", "absent")), bare) == ""


def test_model_that_is_still_looked_at_is_waited_for_instead_of_asking_for_another() -> None:
    bare = msgspec.structs.replace(TABLE, categories={"stt": CategoryTable(setting="stt.model_id")})
    facts = facts_of(status("spare", "verifying"), status("base", "absent"))
    assert chosen_model("stt", facts, bare) == "spare"
    declared = dataclasses.replace(DECLARED, table=bare)
    assert category_status("stt", facts, declared, ENGLISH).state == "checking"
    assert (
        chosen_model("stt", facts_of(status("spare", "verifying"), status("base", "installed")), bare)
        == "base"
    )


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("installed", "usable"),
        ("queued", "installing"),
        ("downloading", "installing"),
        ("verifying", "checking"),
        ("absent", "missing"),
        ("partial", "missing"),
        ("paused", "missing"),
        ("failed", "broken"),
        ("damaged", "broken"),
    ],
)
def test_each_state_of_a_model_has_its_standing(state: str, expected: str) -> None:
    found = category_status("stt", facts_of(status("base", state)), DECLARED, ENGLISH)  # type: ignore[arg-type]  # each is one of the states
    assert found.state == expected
    assert (found.reason is None) == (expected == "usable")
    assert found.name == "Base"


def test_while_nothing_was_told_everything_is_being_checked() -> None:
    assert category_status("stt", ReadinessFacts(), DECLARED, ENGLISH).state == "checking"
    assert [availability_of(mode, ReadinessFacts(), DECLARED, ENGLISH).status for mode in MODES] == [
        "checking",
        "checking",
    ]


def test_an_app_without_settings_waits_for_none() -> None:
    bare = ReadinessDeclaration("App", MODES, TABLE, has_settings=False)
    assert (
        category_status(
            "stt", ReadinessFacts(is_listed=True, models={"base": status("base", "installed")}), bare, ENGLISH
        ).state
        == "usable"
    )


@pytest.mark.requirement("S1-3")
@pytest.mark.parametrize("missing", ["chat", "voice"])
def test_the_assistant_is_blocked_without_a_language_model_or_a_voice(missing: str) -> None:
    facts = facts_of(
        *(found for found in all_installed() if found.model_id != missing), status(missing, "absent")
    )
    assistant = availability_of(MODES[1], facts, DECLARED, ENGLISH)
    assert (assistant.status, assistant.missing) == ("unavailable", ["llm" if missing == "chat" else "tts"])


def test_an_optional_model_that_is_still_checked_is_no_notice_yet() -> None:
    facts = facts_of(
        status("base", "installed"), status("chat", "verifying"), status("ears", "installed"), assistant=False
    )
    assert availability_of(MODES[0], facts, DECLARED, ENGLISH).notices == []


def test_categories_are_needed_by_the_modes_that_are_on() -> None:
    assert dict(needed_categories(facts_of(assistant=False), DECLARED)) == {
        "stt": True,
        "llm": False,
        "vad": False,
    }
    assert dict(needed_categories(facts_of(), DECLARED)) == {
        "stt": True,
        "llm": True,
        "vad": False,
        "tts": True,
    }
    assert bundled_categories(facts_of(assistant=False), DECLARED) == {"stt", "vad"}
    assert not is_enabled(MODES[1], facts_of(assistant=False))


@pytest.mark.requirement("S1-16")
def test_what_is_broken_is_mended_even_where_no_mode_requires_it() -> None:
    facts = facts_of(
        status("base", "failed"),
        status("ears", "damaged"),
        status("chat", "damaged"),
        status("voice", "absent"),
        assistant=False,
    )
    assert broken_models(facts, DECLARED, ENGLISH) == ["base", "ears"]
    assert broken_models(facts_of(*all_installed()), DECLARED, ENGLISH) == []


def test_the_place_is_a_reason_of_its_own() -> None:
    assert place_reason(facts_of(), ENGLISH) is None
    reason = place_reason(facts_of(events=(paths_event(problem="removed_drive"),)), ENGLISH)
    assert reason is not None
    assert (reason.kind, reason.text) == ("path_missing", "The directory /models does not exist.")


@pytest.mark.requirement("S1-3", "S1-4")
def test_the_bundled_profile_declares_dictation_and_assistant_as_the_design_does() -> None:
    declared = ReadinessDeclaration.of(read_profile(find_profile("dictation")))
    modes = {mode.name: mode for mode in declared.modes}
    assert modes["dictation"].requires == ["stt"]
    assert "raw_output" in [need.notice for need in modes["dictation"].optional if need.category == "llm"]
    assert modes["assistant"].requires == ["llm", "tts"]


def test_each_category_of_the_bundled_profile_has_a_model_of_its_manifest() -> None:
    profile = read_profile(find_profile("dictation"))
    declared = ReadinessDeclaration.of(profile)
    shipped = {
        entry["id"]: entry["category"]
        for entry in json.loads((profile.directory / "models.json").read_text())["models"]
    }
    for category in {
        category
        for mode in declared.modes
        for category in [*mode.requires, *(need.category for need in mode.optional)]
    }:
        assert shipped[declared.table.categories[category].model] == category
