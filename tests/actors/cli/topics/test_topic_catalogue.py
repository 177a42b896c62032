"""Every topic of the contract can be described, in words that a person understands."""

from __future__ import annotations

from typing import Any

import pytest

from actors.cli.topics.topic_catalogue import chosen, contract_topics, info_of, type_words
from schemas.config import RuntimeConfigRequestEvent
from schemas.contract.registry import EVENTS


def test_the_whole_contract_is_described() -> None:
    topics = contract_topics()
    assert {one.topic for one in topics} == set(EVENTS)
    assert [one.topic for one in topics if not one.about] == []


def test_a_request_has_its_reply_and_its_fields() -> None:
    found = info_of(RuntimeConfigRequestEvent, "undercroft")
    assert (found.kind, found.reply) == ("request", "config.response")
    fields = {field.name: field for field in found.fields}
    assert "type" not in fields
    assert '"update"' in fields["operation"].type
    assert fields["dry_run"].default == "false"


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        ({"type": "string"}, "text"),
        ({"type": "array", "items": {"type": "integer"}}, "list of whole number"),
        ({"type": "array"}, "list"),
        ({"anyOf": [{"type": "null"}, {"$ref": "Alert"}]}, "null or Alert"),
        ({"enum": ["a", "b"]}, '"a" or "b"'),
        ({}, "anything"),
    ],
)
def test_a_type_is_said_in_words(declared: dict[str, Any], words: str) -> None:
    assert type_words(declared) == words


def test_a_pattern_chooses() -> None:
    topics = contract_topics()
    assert [one.topic for one in chosen(topics, "config.request")] == ["config.request"]
    assert {one.topic.partition(".")[0] for one in chosen(topics, "models.*")} == {"models"}
    assert chosen(topics, "nothing") == []
