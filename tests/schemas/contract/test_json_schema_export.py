"""The contract as documents: well-formed, complete, and what the package ships."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from bus.discovery import Runtime
from schemas.config import RuntimeConfigRequestEvent, SettingsChangedEvent
from schemas.contract.json_schema_export import (
    ASYNCAPI_FILE,
    DOCUMENTS,
    MADE_BY_CLIENTS,
    SCHEMA_FILE,
    asyncapi,
    described,
    json_schema,
    rendered,
)
from schemas.contract.registry import EVENTS, REPLIES, REQUESTS
from schemas.event import topic_of

PUBLISHED = Path(__file__).parents[3] / "schemas" / "published"
ALL_DOCUMENTS = (*DOCUMENTS, Runtime)


def references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [found for item in value.values() for found in references(item)]
    if isinstance(value, list):
        return [found for item in value for found in references(item)]
    return []


def resolve(document: Any, reference: str) -> Any:
    """What a reference within a document points at (RFC 6901)."""
    assert reference.startswith("#/")
    for part in reference[2:].split("/"):
        document = document[part.replace("~1", "/").replace("~0", "~")]
    return document


@pytest.mark.requirement("C-5", "C-6")
@pytest.mark.parametrize(
    ("file", "document"),
    [(SCHEMA_FILE, json_schema(ALL_DOCUMENTS)), (ASYNCAPI_FILE, asyncapi(ALL_DOCUMENTS))],
)
def test_the_shipped_file_is_what_the_contract_says(file: str, document: dict[str, Any]) -> None:
    assert (PUBLISHED / file).read_text(encoding="utf-8") == rendered(document), (
        "run 'undercroft contract --output schemas/published'"
    )


@pytest.mark.parametrize("document", [json_schema(ALL_DOCUMENTS), asyncapi(ALL_DOCUMENTS)])
def test_every_reference_resolves(document: dict[str, Any]) -> None:
    found = references(document)
    assert len(found) > len(EVENTS)
    for reference in found:
        assert isinstance(resolve(document, reference), dict)


def test_the_json_schema_keeps_to_its_dialect() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())


@pytest.mark.parametrize(
    ("event", "is_valid"),
    [
        ({"type": "config.request", "operation": "update", "updates": {"vad.sensitivity": 0.5}}, True),
        ({"type": "config.request", "operation": "guess"}, False),
        ({"type": "config.request"}, False),
        ({"type": "models.install", "model_id": "whisper-base"}, True),
        ({"type": "models.install", "model_id": 7}, False),
        ({"type": "models.unheard_of"}, False),
    ],
)
def test_an_event_is_told_from_what_is_none(event: dict[str, Any], is_valid: bool) -> None:
    assert jsonschema.Draft202012Validator(json_schema()).is_valid(event) is is_valid


def test_events_as_they_are_encoded_fit_the_schema() -> None:
    validator = jsonschema.Draft202012Validator(json_schema())
    request = RuntimeConfigRequestEvent(operation="update", updates={"vad.sensitivity": 0.5})
    changed = SettingsChangedEvent(changed={}, settings={"vad": {}}, revision=1, reason="start")
    for event in (request, changed):
        validator.validate(json.loads(msgspec.json.encode(event)))


def test_every_event_says_its_topic_its_reply_and_what_it_is_retained_by() -> None:
    definitions = json_schema()["$defs"]
    for topic, event in EVENTS.items():
        found = definitions[event.__name__]
        assert found["properties"]["type"] == {"const": topic}
        assert found.get("x-reply") == (REPLIES[topic].__name__ if topic in REPLIES else None)
        assert found.get("x-retained-by") == event.retained_by


def test_every_topic_that_travels_is_a_channel_with_its_message() -> None:
    document = asyncapi()
    assert document["channels"].keys() == EVENTS.keys() - MADE_BY_CLIENTS
    for topic, channel in document["channels"].items():
        (message,) = channel["messages"].values()
        assert resolve(document, message["$ref"])["name"] == channel["address"] == topic


def test_operations_use_messages_of_their_own_channels() -> None:
    document = asyncapi()
    for operation in document["operations"].values():
        for side in (operation, *([operation["reply"]] if "reply" in operation else [])):
            assert side["messages"]
            assert all(
                message["$ref"].startswith(side["channel"]["$ref"] + "/messages/")
                for message in side["messages"]
            )


@pytest.mark.requirement("C-6")
def test_every_request_is_an_operation_with_its_reply() -> None:
    document = asyncapi()
    answered = {
        resolve(document, operation["channel"]["$ref"])["address"]: resolve(
            document, operation["reply"]["channel"]["$ref"]
        )["address"]
        for operation in document["operations"].values()
        if operation["action"] == "receive"
    }
    assert answered == {topic: topic_of(REPLIES[topic]) for topic in REQUESTS}


def test_a_docstring_is_taken_apart_into_the_whole_and_its_fields() -> None:
    text = """One line.

    And another.

    Attributes:
        first: what it is,
            and what not.
        second, third: both.
    """
    assert described(text) == (
        "One line.\n\nAnd another.",
        {"first": "what it is, and what not.", "second": "both.", "third": "both."},
    )


def test_a_docstring_without_attributes_stays_whole() -> None:
    assert described("One line.") == ("One line.", {})
