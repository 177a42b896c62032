"""What holds for the settings of an app, however they are declared."""

from __future__ import annotations

import pytest

from actors.config_store.schema.json_schema import JsonSchema
from actors.config_store.schema.settings_schema import (
    SettingSpec,
    SettingsSchemaWrong,
    check_secret,
    may_show_secret,
    unknown_setting,
)

SCHEMA = JsonSchema({"properties": {"vad": {"properties": {"level": {"default": 1}}}}}, "settings.json")


def test_the_section_of_a_setting_is_its_path_without_the_name() -> None:
    assert SettingSpec("a.b.c").section == "a.b"
    assert SettingSpec("a").section == ""


@pytest.mark.parametrize("default", ["", None])
def test_a_secret_has_an_empty_default(default: str | None) -> None:
    check_secret(SettingSpec("key", default=default, is_secret=True), "settings.py")
    check_secret(SettingSpec("key", default="hush"), "settings.py")
    with pytest.raises(SettingsSchemaWrong, match="settings.py: key: a secret must have an empty default"):
        check_secret(SettingSpec("key", default="hush", is_secret=True), "settings.py")


def test_an_error_about_the_whole_names_no_setting() -> None:
    assert str(SettingsSchemaWrong("settings.py", "", "it is empty")) == "settings.py: it is empty"


def test_a_setting_that_does_not_exist_is_named_with_the_sections_there_are() -> None:
    assert unknown_setting(SCHEMA, "vad.level") == ""
    assert unknown_setting(SCHEMA, "vod.level") == "there is no setting 'vod.level'; sections are vad"


@pytest.mark.parametrize(
    ("path", "expected"),
    [("cloud.key", True), ("cloud", True), ("cloud.key.part", True), ("", True), ("cloud.keys", False)],
)
def test_a_message_about_a_secret_its_section_or_the_whole_could_show_it(path: str, expected: bool) -> None:
    assert may_show_secret(["cloud.key"], path) is expected
    assert not may_show_secret([], path)
