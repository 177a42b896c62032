"""Why a value does not fit: in words, with the field, and without a pattern."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel, Field, ValidationError

from actors.shared.schema_words import json_schema_words, pydantic_words

NOTE = {"properties": {"title": {}, "body": {}}, "required": ["title"], "additionalProperties": False}

EXTRA = "there is no field 'titel'; known here are title, body"
MANY = "there is no field 'a', 'b', 'c' and 2 more; known here are none"


def words(schema: dict[str, Any], value: Any) -> list[str]:
    return sorted(json_schema_words(error) for error in Draft202012Validator(schema).iter_errors(value))


@pytest.mark.parametrize(
    ("schema", "value", "said"),
    [
        (NOTE, {"titel": "x"}, ["the field 'title' is missing", EXTRA]),
        ({"type": "integer"}, "x", ["expected a whole number"]),
        ({"type": ["string", "null"]}, 1, ["expected text or null"]),
        ({"enum": ["a", "b"]}, "c", ['expected one of ["a", "b"]']),
        ({"minimum": 3}, 1, ["expected at least 3"]),
        ({"maxLength": 1}, "xx", ["expected at most 1 characters"]),
        ({"pattern": "^(a+)+$"}, "b", ["expected text of another form"]),
        ({"pattern": "^a$", "description": "One a."}, "b", ["expected text of another form (One a.)"]),
        ({"uniqueItems": True}, [1, 1], ["expected uniqueItems true"]),
        ({"additionalProperties": False}, dict.fromkeys("abcde"), [MANY]),
    ],
)
def test_json_schema(schema: dict[str, Any], value: Any, said: list[str]) -> None:
    assert words(schema, value) == said


def test_pydantic() -> None:
    class Model(BaseModel):
        a: str = Field("x", pattern="^x$")
        b: int = 1

    with pytest.raises(ValidationError) as refused:
        Model.model_validate({"a": "y", "b": "z"})
    first, second = (pydantic_words(error) for error in refused.value.errors())
    assert first == "expected text of another form"
    assert second.startswith("Input should be a valid integer")
