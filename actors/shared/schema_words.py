"""Says why a value does not fit a schema of the app: the field is named, and no pattern is shown. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

NAMES_AT_MOST: Final = 3
NAME_CHARACTERS: Final = 80
TEXT_CHARACTERS: Final = 100
TYPES: Final = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
LIMITS: Final = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "multipleOf": "a multiple of {}",
    "const": "{}",
}


def json_schema_words(error: Any) -> str:
    """Why a value does not fit a JSON Schema, without the value.

    Args:
        error: a `jsonschema.ValidationError`.
    """
    keyword, wanted, instance = error.validator, error.validator_value, error.instance
    if keyword == "required" and isinstance(instance, Mapping):
        return f"the field {_names(name for name in wanted if name not in instance)} is missing"
    if keyword == "additionalProperties" and wanted is False and isinstance(instance, Mapping):
        known = error.schema.get("properties", {})
        extra = _names(name for name in instance if name not in known)
        return f"there is no field {extra}; known here are {', '.join(known) or 'none'}"
    if keyword == "type":
        kinds = wanted if isinstance(wanted, list) else [wanted]
        return f"expected {' or '.join(TYPES.get(kind, str(kind)) for kind in kinds)}"
    if keyword == "enum":
        return f"expected one of {_json(wanted)}"
    if keyword in LIMITS:
        return f"expected {LIMITS[keyword].format(_json(wanted))}"
    if keyword == "pattern":
        return other_form(error.schema)
    return f"expected {keyword} {_json(wanted)}"


def other_form(declared: Mapping[str, Any]) -> str:
    """That a text has not the form that its pattern wants, with what the schema says about it."""
    about = str(declared.get("description") or declared.get("title") or "")[:TEXT_CHARACTERS]
    return f"expected text of another form{f' ({about})' if about else ''}"


def pydantic_words(error: Mapping[str, Any]) -> str:
    """Why a value does not fit a pydantic model, from one of `ValidationError.errors()`."""
    if error["type"] == "string_pattern_mismatch":
        return "expected text of another form"
    return str(error["msg"])


def _names(names: Iterable[str]) -> str:
    found = [repr(name[:NAME_CHARACTERS]) for name in names]
    more = f" and {len(found) - NAMES_AT_MOST} more" if len(found) > NAMES_AT_MOST else ""
    return ", ".join(found[:NAMES_AT_MOST]) + more


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)[:TEXT_CHARACTERS]
