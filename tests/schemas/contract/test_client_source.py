"""Generated source code: up to date, and it speaks as the contract does."""

from __future__ import annotations

import ast
from pathlib import Path

import msgspec
import pytest

import undercroft_client.events
from schemas.contract.client_source import (
    client_files,
    javascript_fields,
    python_module,
    typescript_declarations,
)
from schemas.contract.json_schema_export import json_schema
from schemas.contract.registry import EVENTS, REPLIES
from undercroft_client.event import reply_type_of

CLIENTS = Path(__file__).parents[3] / "clients"


@pytest.mark.requirement("C-5", "C-6")
@pytest.mark.parametrize(("path", "content"), client_files(json_schema()).items())
def test_the_file_in_the_client_is_what_the_contract_says(path: str, content: str) -> None:
    assert (CLIENTS / path).read_text(encoding="utf-8") == content, (
        "run 'undercroft contract --clients clients'"
    )


def test_the_clients_know_the_same_events_with_the_same_fields_and_defaults() -> None:
    generated = undercroft_client.events.EVENTS
    assert generated.keys() == EVENTS.keys()
    for topic, event in EVENTS.items():
        other = generated[topic]
        assert other.__name__ == event.__name__
        assert other.retained_by == event.retained_by
        fields = {field.name: (field.required, field.default) for field in msgspec.structs.fields(event)}
        assert {
            field.name: (field.required, field.default) for field in msgspec.structs.fields(other)
        } == fields


def test_requests_of_the_client_declare_the_same_replies() -> None:
    for topic, reply in REPLIES.items():
        assert reply_type_of(undercroft_client.events.EVENTS[topic]).__name__ == reply.__name__  # type: ignore[arg-type]  # it is a request


def test_the_client_needs_nothing_but_itself_and_msgspec() -> None:
    imported = {
        node.module
        for node in ast.walk(ast.parse(python_module(json_schema())))
        if isinstance(node, ast.ImportFrom)
    }
    assert imported == {"__future__", "typing", "undercroft_client.event"}


@pytest.mark.parametrize(
    ("schema", "python", "typescript"),
    [
        ({"type": "array", "items": {"type": "integer"}}, "list[int]", "Array<number>"),
        (
            {"type": "object", "additionalProperties": {"type": "number"}},
            "dict[str, float]",
            "Record<string, number>",
        ),
        ({"type": "object"}, "dict[str, Any]", "Record<string, unknown>"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "str | None", "string | null"),
        ({"enum": ["a", "b"]}, 'Literal["a", "b"]', '"a" | "b"'),
        ({"$ref": "#/$defs/Thing"}, "Thing", "Thing"),
    ],
)
def test_types_are_put_into_the_words_of_each_language(
    schema: dict[str, object], python: str, typescript: str
) -> None:
    thing = {"title": "Thing", "description": "A thing.", "properties": {}, "required": []}
    holder = {
        "description": "Holds.",
        "properties": {"type": {"const": "app.holds"}, "held": schema},
        "x-topic": "app.holds",
    }
    contract = {"x-version": "1.0.0", "$defs": {"Holder": holder, "Thing": thing}}
    assert f"    held: {python}\n" in python_module(contract)
    assert f"  held: {typescript};\n" in typescript_declarations(contract)


def test_what_others_refer_to_comes_first() -> None:
    source = python_module(json_schema())
    assert (
        source.index("class ModelStatus(")
        < source.index("class ModelsListedEvent(")
        < source.index("class ModelsListRequestEvent(")
    )


def test_programs_without_types_find_the_fields_of_each_structure_and_what_is_in_them() -> None:
    held = {"$ref": "#/$defs/Held"}
    holder = {
        "properties": {
            "type": {"const": "app.holds"},
            "plain": {"type": "string"},
            "one": {"anyOf": [held, {"type": "null"}]},
            "list": {"type": "array", "items": held},
            "map": {"type": "object", "additionalProperties": held},
            "any": {"type": "object"},
        },
        "x-topic": "app.holds",
    }
    contract = {"x-version": "1.0.0", "$defs": {"Holder": holder, "Held": {"properties": {"n": {}}}}}
    source = javascript_fields(contract)
    assert '  "app.holds": "Holder",\n' in source
    assert '  Held: { n: "" },\n' in source
    assert '  Holder: { type: "", plain: "", one: "Held", list: "Held", map: "{Held}", any: "" },\n' in source
