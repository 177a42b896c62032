"""The JSON Schema of profile.toml: shipped, well-formed, and of one mind with the reader."""

from __future__ import annotations

import tomllib
from pathlib import Path

import jsonschema
import pytest

from actors.shared.profile.profile import BUNDLED_DIRECTORY
from actors.shared.profile.profile_schema import PROFILE_FILE, profile_schema
from schemas.contract.json_schema_export import rendered

PUBLISHED = Path(__file__).parents[4] / "schemas" / "published"
VALIDATOR = jsonschema.Draft202012Validator(profile_schema())


def test_the_shipped_file_is_what_the_tables_are() -> None:
    assert (PUBLISHED / PROFILE_FILE).read_text(encoding="utf-8") == rendered(profile_schema()), (
        "run 'undercroft contract --output schemas/published'"
    )
    jsonschema.Draft202012Validator.check_schema(profile_schema())


def test_the_bundled_profile_fits() -> None:
    for file in BUNDLED_DIRECTORY.glob("*/profile.toml"):
        VALIDATOR.validate(tomllib.loads(file.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "line", ["nmae = 1", 'settings = "settings.py"', '[[children]]\nname = "a"\nrestart = "never"']
)
def test_a_mistake_does_not(line: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(tomllib.loads(f'name = "probe"\n{line}\n'))


def test_an_editor_can_explain_every_field() -> None:
    silent = [
        f"{name}.{field}"
        for name, table in profile_schema()["$defs"].items()
        for field, declared in table["properties"].items()
        if "description" not in declared
    ]
    assert silent == []
