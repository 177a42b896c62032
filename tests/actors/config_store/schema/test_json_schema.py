"""JSON Schema, seen as settings."""

from __future__ import annotations

from typing import Any

import pytest

from actors.config_store.schema.json_schema import JsonSchema
from actors.config_store.schema.settings_schema import SettingsSchemaWrong, Validation

CONTENT = {
    "$defs": {"port": {"type": "integer", "minimum": 1, "maximum": 65535, "default": 80, "title": "Port"}},
    "type": "object",
    "properties": {
        "cloud": {
            "title": "In the cloud",
            "type": "object",
            "properties": {
                "key": {"type": "string", "default": "", "maxLength": 6, "x-secret": True},
                "port": {"$ref": "#/$defs/port", "default": 81, "x-restart": True, "x-user": False},
            },
            "additionalProperties": False,
        },
        "labels": {"type": "object", "additionalProperties": {"type": "integer"}, "default": {}},
    },
}


def test_fields_are_declared_with_titles_and_marks() -> None:
    schema = JsonSchema(CONTENT, "s.json")
    assert list(schema.specs) == ["cloud.key", "cloud.port", "labels"]
    port = schema.specs["cloud.port"]
    assert (port.title, port.default, port.needs_restart, port.is_user, port.is_secret) == (
        "Port",
        81,
        True,
        False,
        False,
    )
    assert schema.sections == {"cloud": "In the cloud"}
    assert schema.as_json_schema() is CONTENT


def test_values_are_judged_as_a_whole() -> None:
    schema = JsonSchema(CONTENT, "s.json")
    assert schema.validate({"labels": {"a": 1}}).effective == {
        "cloud.key": "",
        "cloud.port": 81,
        "labels": {"a": 1},
    }
    (problem,) = schema.validate({"cloud.port": 0}).problems
    assert (problem.path, problem.problem) == ("cloud.port", "expected at least 1; found 0")
    assert schema.validate({"labels": {"a": "x"}}).problems[0].path == "labels.a"


def test_a_problem_never_shows_a_secret() -> None:
    problems = JsonSchema(CONTENT, "s.json").validate({"cloud.key": "much too long"}).problems
    assert problems
    assert "much" not in repr(problems)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([], "expected an object"),
        ({"properties": {"a": {"type": "integer"}}}, "expected a 'default'"),
        ({"properties": {"a": {"type": "integer", "default": "x"}}}, "default is not valid"),
        ({"properties": {"a": {"$ref": "https://example.com/s", "default": 1}}}, "within the file"),
        ({"properties": {"a": {"$ref": "#/$defs/none"}}}, "nothing at"),
        (
            {"$defs": {"a": {"$ref": "#/$defs/a"}}, "properties": {"a": {"$ref": "#/$defs/a"}}},
            "back to itself",
        ),
        (
            {
                "$defs": {"a": {"properties": {"a": {"$ref": "#/$defs/a"}}}},
                "properties": {"a": {"$ref": "#/$defs/a"}},
            },
            "too deep",
        ),
        ({"properties": {"a.b": {"default": 1}}}, "must not contain a dot"),
        ({"properties": {"a": {"type": "string", "default": "1234", "x-secret": True}}}, "empty default"),
        ({"type": "nonsense"}, "not a JSON Schema"),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused_by_name(content: Any, words: str) -> None:
    with pytest.raises(SettingsSchemaWrong, match=words):
        JsonSchema(content, "s.json")


def test_a_section_is_judged_by_itself_where_nothing_goes_across() -> None:
    schema = JsonSchema(CONTENT, "s.json")
    assert schema.validate_sections({"cloud.port": 99, "labels": {"a": 1}}, ["cloud.port"]) == Validation(
        {"cloud.key": "", "cloud.port": 99}
    )
    assert schema.validate_sections({"labels": {"a": 1}}, ["labels"]) == Validation({"labels": {"a": 1}})
    for values in ({"cloud.port": 0}, {"cloud.key": "much too long"}, {"labels": {"a": "x"}}):
        assert schema.validate_sections(values, values) == schema.validate(values)
    assert schema.validate_sections({"gone": 1}, ["gone"]) is None
    across = {**CONTENT, "not": {"properties": {"cloud": {"properties": {"port": {"const": 13}}}}}}
    assert JsonSchema(across, "s.json").validate_sections({"cloud.port": 13}, ["cloud.port"]) is None
