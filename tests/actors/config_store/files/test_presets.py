"""Presets of the app are read, or refused by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, Field

from actors.config_store.files.presets import read_presets
from actors.config_store.json_object import JsonFileWrong
from actors.config_store.schema.pydantic_schema import PydanticSchema


class Vad(BaseModel):
    sensitivity: float = Field(default=0.5, ge=0, le=1)
    key: str = Field(default="", json_schema_extra={"x-secret": True})


class Settings(BaseModel):
    vad: Vad = Vad()
    preset: str = ""


SCHEMA = PydanticSchema(Settings)


def preset(directory: Path, content: Any) -> Path:
    (directory / "presets").mkdir(exist_ok=True)
    (directory / "presets" / "quiet.json").write_text(json.dumps(content))
    return directory


def test_presets_are_named_by_their_files(tmp_path: Path) -> None:
    found = read_presets(
        preset(tmp_path, {"title": "Quiet room", "settings": {"vad": {"sensitivity": 0.2}}}), SCHEMA, "preset"
    )
    assert (found["quiet"].title, found["quiet"].values) == ("Quiet room", {"vad.sensitivity": 0.2})
    assert read_presets(tmp_path / "nowhere", SCHEMA, "") == {}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([], "expected an object"),
        ({"settings": []}, "an object 'settings'"),
        ({"settings": {}, "other": 1}, "an object 'settings'"),
        ({"settings": {"vad.loudness": 1}}, "there is no setting"),
        ({"settings": {"vad.sensitivity": 7}}, "vad.sensitivity: "),
        ({"settings": {"vad.key": "x"}}, "a preset cannot set"),
        ({"settings": {"preset": "quiet"}}, "a preset cannot set"),
    ],
)
def test_a_preset_that_does_not_fit_is_refused_by_name(tmp_path: Path, content: Any, words: str) -> None:
    with pytest.raises(JsonFileWrong, match=words):
        read_presets(preset(tmp_path, content), SCHEMA, "preset")


def test_a_setting_that_chooses_presets_has_to_exist(tmp_path: Path) -> None:
    with pytest.raises(JsonFileWrong, match="there is no setting 'mood'"):
        read_presets(tmp_path, SCHEMA, "mood")
