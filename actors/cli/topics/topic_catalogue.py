"""Describes topics: what each is for, which fields its events have, and what answers it. Pure."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable
from typing import Any, Final, Literal

import msgspec

from schemas.contract.json_schema_export import described
from schemas.contract.registry import EVENTS
from schemas.event import Event, Request, reply_type_of, topic_of

TopicKind = Literal["event", "request"]
TopicOrigin = Literal["undercroft", "app", "bus"]
"""`undercroft`: of the contract. `app`: code of the app declares it. `bus`: it was only seen on the bus."""

TYPES: Final = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "array": "list",
    "object": "object",
    "null": "null",
}


class TopicField(msgspec.Struct, frozen=True, kw_only=True):
    """One field of the events of a topic.

    Attributes:
        type: in words.
        default: as JSON; empty: the field is needed.
        about: what it means.
    """

    name: str
    type: str
    default: str = ""
    about: str = ""


class TopicInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One topic.

    Attributes:
        about: a sentence.
        reply: topic of the reply to a request; empty for an event.
        served_by: names of the peers that serve it now, where a runtime is up.
    """

    topic: str
    kind: TopicKind
    origin: TopicOrigin
    about: str = ""
    fields: list[TopicField] = []
    reply: str = ""
    served_by: list[str] = []


def info_of(kind: type[Event], origin: TopicOrigin) -> TopicInfo:
    """What is known of an event type."""
    reply = topic_of(reply_type_of(kind)) if issubclass(kind, Request) else ""
    about, fields = described(kind.__doc__ or "")
    _, components = msgspec.json.schema_components([kind], ref_template="{name}")
    properties = components[kind.__name__].get("properties", {})
    needed = set(components[kind.__name__].get("required", []))
    return TopicInfo(
        topic=topic_of(kind),
        kind="request" if reply else "event",
        origin=origin,
        about=about,
        reply=reply,
        fields=[
            TopicField(
                name=name,
                type=type_words(declared),
                default="" if name in needed else _default_words(declared),
                about=fields.get(name, ""),
            )
            for name, declared in properties.items()
            if name != "type"
        ],
    )


def contract_topics() -> list[TopicInfo]:
    """All topics of the contract."""
    return [info_of(kind, "undercroft") for kind in EVENTS.values()]


def type_words(declared: dict[str, Any]) -> str:
    """The type that a JSON Schema declares, in words."""
    if "$ref" in declared:
        return str(declared["$ref"])
    if "enum" in declared:
        return " or ".join(msgspec.json.encode(one).decode() for one in declared["enum"])
    if "anyOf" in declared:
        return " or ".join(dict.fromkeys(type_words(one) for one in declared["anyOf"]))
    if declared.get("type") == "array" and isinstance(declared.get("items"), dict):
        return f"list of {type_words(declared['items'])}"
    return TYPES.get(declared.get("type", ""), "anything")


def chosen(topics: Iterable[TopicInfo], pattern: str) -> list[TopicInfo]:
    """The topics that a pattern names: a topic, or with `*` for any text."""
    return [one for one in topics if fnmatch.fnmatchcase(one.topic, pattern)]


def _default_words(declared: dict[str, Any]) -> str:
    return msgspec.json.encode(declared["default"]).decode() if "default" in declared else "null"
