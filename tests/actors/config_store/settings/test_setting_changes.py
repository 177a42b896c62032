"""A settings request is judged on a copy and taken whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from actors.config_store.dotted_paths import matches
from actors.config_store.schema.pydantic_schema import PydanticSchema
from actors.config_store.settings.configuration import load
from actors.config_store.settings.setting_changes import secrets_in
from actors.config_store.settings.settings_context import SettingsContext
from actors.shared.profile.profile import find_profile, read_profile
from tests.support.settings_lab import (
    JSON_VALUES,
    SETTING_PATHS,
    ExampleSettings,
    configuration,
    reset,
    reset_all,
    settings_context,
    update,
)


@pytest.mark.requirement("S2-17")
def test_a_batch_with_one_bad_key_changes_nothing() -> None:
    before = configuration()
    verdict = update(before, {"vad.multiplier": 3.0, "vad.sensitivity": 2})
    assert not verdict.is_taken
    assert verdict.after is before
    assert [problem.path for problem in verdict.problems] == ["vad.sensitivity"]


@pytest.mark.requirement("S2-12")
def test_paths_outside_the_allowlist_are_refused_on_request() -> None:
    before, _ = load(settings_context(allowlist=("vad.sensitivity",)), {})
    verdict = update(before, {"language": "de"})
    assert not verdict.is_taken
    assert "allowlist" in verdict.problems[0].problem


@pytest.mark.requirement("S2-17")
def test_changed_names_only_what_has_another_value_now() -> None:
    verdict = update(configuration(), {"vad.sensitivity": 0.5, "vad.multiplier": 4})
    assert verdict.changed == {"vad.multiplier": 4.0}
    assert verdict.after.overrides == {"vad.sensitivity": 0.5, "vad.multiplier": 4.0}
    assert verdict.after.revision == 1


def test_a_section_may_be_given_as_an_object() -> None:
    verdict = update(configuration(), {"vad": {"sensitivity": 0.1, "multiplier": 9}})
    assert verdict.changed == {"vad.sensitivity": 0.1, "vad.multiplier": 9.0}


def test_a_setting_that_is_an_object_is_set_whole() -> None:
    verdict = update(configuration(), {"labels.names": {"a.b": 1}})
    assert verdict.is_taken
    assert verdict.after.effective["labels.names"] == {"a.b": 1}


def test_setting_a_path_anew_takes_it_out_of_what_was_put_aside() -> None:
    before = configuration(vad__sensitivity=7)
    after = update(before, {"vad.sensitivity": 0.2}).after
    assert after.set_aside == {}
    assert after.overrides == {"vad.sensitivity": 0.2}


@pytest.mark.requirement("S2-17")
def test_reset_section_and_reset_defaults_go_back_and_keep_what_was_put_aside() -> None:
    before = configuration(vad__sensitivity=0.9, language="de", vad__gone=1)
    section = reset(before, "vad")
    assert section.changed == {"vad.sensitivity": 0.5}
    assert section.after.overrides == {"language": "de"}
    everything = reset_all(before)
    assert everything.after.overrides == {}
    assert everything.after.set_aside == {"vad.gone": 1}


@pytest.mark.parametrize("section", ["", "va", "vad.sensitivity.x", "nothing"])
def test_resetting_what_does_not_exist_is_refused(section: str) -> None:
    assert not reset(configuration(), section).is_taken


def test_an_empty_update_is_refused() -> None:
    assert not update(configuration(), {}).is_taken


@pytest.mark.parametrize(
    ("allowlist", "path", "allowed"),
    [
        (None, "a.b", True),
        ((), "a.b", False),
        (("a",), "a.b", True),
        (("a.*",), "a.b.c", True),
        (("*.b",), "a.b", True),
        (("a.b",), "a.bc", False),
        (("a.b.c",), "a.b", False),
    ],
)
def test_allowlist_names_paths_sections_and_any_one_part(
    allowlist: tuple[str, ...] | None, path: str, allowed: bool
) -> None:
    assert (allowlist is None or matches(allowlist, path)) is allowed


@given(st.lists(st.dictionaries(SETTING_PATHS, JSON_VALUES, max_size=3), max_size=5))
def test_any_sequence_of_updates_leaves_valid_settings_and_whole_batches(
    batches: list[dict[str, Any]],
) -> None:
    now = configuration()
    for batch in batches:
        verdict = update(now, batch)
        if verdict.is_taken:
            assert {**now.effective, **verdict.changed} == verdict.after.effective
        else:
            assert verdict.after is now
        now = verdict.after
        ExampleSettings.model_validate(now.settings)


@pytest.mark.requirement("S2-14")
def test_derived_values_of_the_bundled_profile_follow_the_settings() -> None:
    """Energy threshold = noise floor x multiplier."""
    model = read_profile(find_profile("dictation")).load_settings()
    now, _ = load(settings_context(model, None), {})
    after = update(now, {"vad.noise_floor": 0.01, "vad.energy_threshold_multiplier": 5}).after
    assert model.model_validate(after.settings).vad.energy_threshold == pytest.approx(0.05)  # type: ignore[attr-defined]  # the model is loaded by name


class Whole(PydanticSchema):
    """A schema that is only ever judged as a whole."""

    def validate_sections(self, values: Mapping[str, Any], paths: Iterable[str]) -> None:
        """As if it had rules across sections."""


NAMES = st.sampled_from(["language", "vad.sensitivity", "vad.multiplier", "vad", "labels.names", "nothing"])
VALUES = st.sampled_from([0, 0.25, 7, 99, True, "x", None, {"a": 1}, {"sensitivity": 1}])


@given(
    st.lists(
        st.tuples(st.dictionaries(NAMES, VALUES, max_size=3), st.sampled_from(["user", "session"])),
        max_size=6,
    )
)
def test_judging_only_the_section_that_changes_comes_to_the_same_as_judging_the_whole(
    requests: list[tuple[dict[str, Any], Any]],
) -> None:
    one, _ = load(SettingsContext(PydanticSchema(ExampleSettings)), {"gone": 1})
    other, _ = load(SettingsContext(Whole(ExampleSettings)), {"gone": 1})
    for updates, scope in requests:
        found, expected = (
            update(one, updates, scope=scope),
            update(other, updates, scope=scope),
        )
        assert (found.changed, found.problems, found.shadowed) == (
            expected.changed,
            expected.problems,
            expected.shadowed,
        )
        one, other = found.after, expected.after
        for name in ("overrides", "set_aside", "session", "merged", "effective", "settings", "revision"):
            assert getattr(one, name) == getattr(other, name), name
        assert [layer.values for layer in one.layers] == [layer.values for layer in other.layers]


def test_resets_and_updates_of_one_request_are_applied_together() -> None:
    before = configuration(vad__sensitivity=0.9, vad__multiplier=3.0, language="de")
    verdict = update(before, {"vad.multiplier": 5}, resets=("vad",))
    assert verdict.after.overrides == {"language": "de", "vad.multiplier": 5.0}
    assert verdict.changed == {"vad.sensitivity": 0.5, "vad.multiplier": 5.0}
    assert verdict.before is before


def test_updates_that_change_nothing_can_be_left_out() -> None:
    before = configuration(language="de")
    updates = {"vad": {"sensitivity": 0.5, "multiplier": 4}, "language": "de"}
    assert update(before, updates, skips_unchanged=True).after.overrides == {
        "language": "de",
        "vad.multiplier": 4.0,
    }
    assert update(before, {}, skips_unchanged=True).is_taken
    assert update(before, {"language": "de"}, skips_unchanged=True).after == before
    assert not update(before, {"gone": 1, "language": "de"}, skips_unchanged=True).is_taken


class Cloud(BaseModel):
    key: str = Field(default="", json_schema_extra={"x-secret": True})
    region: str = "eu"


class WithSecret(BaseModel):
    cloud: Cloud = Cloud()


@pytest.mark.parametrize("value", ["hush", "", None, "**********", 7])
def test_a_secret_in_sight_of_others_is_refused_whatever_its_value(value: Any) -> None:
    before, _ = load(settings_context(WithSecret, None), {})
    for updates in ({"cloud.key": value}, {"cloud": {"key": value, "region": "us"}}):
        (problem,) = update(before, updates, refuses_secrets=True).problems
        assert (problem.path, problem.kind) == ("cloud.key", "secret_exposed")
        assert "hush" not in problem.problem
    assert update(before, {"cloud.region": "us"}, refuses_secrets=True).is_taken
    assert update(before, {"cloud.key": "hush"}).is_taken


def test_only_new_values_of_secrets_go_to_the_keychain() -> None:
    before, _ = load(settings_context(WithSecret, None), {})
    assert secrets_in(before, {"cloud": {"key": "hush", "region": "us"}}) == {"cloud.key": "hush"}
    for value in ("", None, "**********"):
        assert secrets_in(before, {"cloud.key": value}) == {}
