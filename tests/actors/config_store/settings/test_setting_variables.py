"""Variables of the process become settings, typed by the schema."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from actors.config_store.schema.json_schema import JsonSchema
from actors.config_store.schema.pydantic_schema import PydanticSchema
from actors.config_store.settings.setting_variables import PREFIX, read, variable_of


class Vad(BaseModel):
    sensitivity: float = Field(default=0.5, ge=0, le=1)
    is_on: bool = True
    words: list[str] = []
    threads: int = 0
    name: str = ""
    key: str = Field(default="", json_schema_extra={"x-secret": True}, max_length=5)


class Settings(BaseModel):
    vad: Vad = Vad()


PYDANTIC = PydanticSchema(Settings)
JSON = JsonSchema({**Settings.model_json_schema()}, "settings.schema.json")


@pytest.mark.parametrize("schema", [PYDANTIC, JSON])
@pytest.mark.parametrize(
    ("path", "text", "value"),
    [
        ("vad.sensitivity", "0.8", 0.8),
        ("vad.is_on", "false", False),
        ("vad.words", '["a", "b"]', ["a", "b"]),
        ("vad.threads", "4", 4),
        ("vad.name", "12", "12"),
        ("vad.name", "true", "true"),
        ("vad.key", "hush", "hush"),
    ],
)
def test_the_schema_gives_the_type(schema: Any, path: str, text: str, value: Any) -> None:
    layer, problems = read(schema, {variable_of(path): text, "PATH": "/bin"})
    assert problems == []
    assert layer.values == {path: value}
    assert layer.sources == {path: variable_of(path)}


def test_names_are_found_without_case() -> None:
    assert variable_of("vad.is_on") == "UNDERCROFT_SETTING__VAD__IS_ON"
    assert read(PYDANTIC, {"Undercroft_Setting__vad__Threads": "2"})[0].values == {"vad.threads": 2}


@pytest.mark.parametrize("schema", [PYDANTIC, JSON])
def test_what_does_not_fit_or_does_not_exist_is_reported_and_a_secret_not_shown(schema: Any) -> None:
    layer, problems = read(
        schema,
        {PREFIX + "VAD__THREADS": "many", PREFIX + "VAD__GONE": "1", PREFIX + "VAD__KEY": "far too long"},
    )
    assert layer.values == {}
    assert {problem.path for problem in problems} == {"vad.threads", PREFIX + "VAD__GONE", "vad.key"}
    assert "far too long" not in repr((layer, problems))


@given(st.dictionaries(st.sampled_from([variable_of(path) for path in PYDANTIC.specs]), st.text(max_size=20)))
def test_whatever_the_variables_hold_the_layer_is_valid(environ: dict[str, str]) -> None:
    layer, problems = read(PYDANTIC, environ)
    assert len(layer.values) + len(problems) == len(environ)
    assert all(not PYDANTIC.validate({path: value}).problems for path, value in layer.values.items())
