"""Writes the contract for other languages: JSON Schema (2020-12) and AsyncAPI 3.0.0. Pure."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from typing import Any, Final, TypeAlias

import msgspec

from schemas.contract.registry import EVENTS, REPLIES
from schemas.event import Event, topic_of
from schemas.manifest import Manifest
from schemas.operations.bus import GapEvent
from schemas.operations.supervision import SupervisorStoppingEvent

Json: TypeAlias = dict[str, Any]

SCHEMA_FILE: Final = "undercroft.schema.json"
ASYNCAPI_FILE: Final = "undercroft.asyncapi.json"
CONTENT_TYPE: Final = "application/vnd.msgpack"
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
TITLE: Final = "Undercroft"
CONTRACT_VERSION: Final = "1.0.0"
"""Version of the contract. The major number is that of the wire protocol, the minor one counts additions."""

DOCUMENTS: Final[tuple[type[msgspec.Struct], ...]] = (Manifest,)
"""Documents on disk that other programs write or read, besides the events."""

MADE_BY_CLIENTS: Final = frozenset({topic_of(GapEvent)})
"""Events that never travel: a client makes them for its own user."""

PUBLISHED_REPLIES: Final = frozenset({topic_of(SupervisorStoppingEvent)})
"""Replies that are also published to every subscriber."""

_ATTRIBUTES = re.compile(r"\n*^Attributes:\n", re.MULTILINE)
_ATTRIBUTE = re.compile(r"^    (?P<names>\w+(?:, \w+)*): (?P<text>.*(?:\n {8}.*)*)", re.MULTILINE)


def json_schema(documents: Iterable[type[msgspec.Struct]] = DOCUMENTS) -> Json:
    """JSON Schema of any event of the contract, distinguished by its `type`; `$defs` has them all.

    Three annotations go beyond JSON Schema: `x-topic` on every event, `x-reply` (name of the reply's schema)
    on requests, and `x-retained-by` on retained events (the field of which one event for each value is
    retained; empty: one for the topic).

    Args:
        documents: documents that `$defs` describes besides the events.
    """
    definitions = _definitions("#/$defs/{name}", documents)
    return {
        "$schema": DIALECT,
        "title": f"{TITLE} contract",
        "description": "Every event of the bus. An event is a map whose `type` is its topic. "
        "Fields with a default may be absent.",
        "x-version": CONTRACT_VERSION,
        "oneOf": [{"$ref": f"#/$defs/{event.__name__}"} for event in EVENTS.values()],
        "$defs": definitions,
    }


def asyncapi(documents: Iterable[type[msgspec.Struct]] = DOCUMENTS) -> Json:
    """AsyncAPI 3.0.0 document of the runtime: it sends facts, receives requests and replies to them.

    Args:
        documents: documents that it describes besides the events.
    """
    travelling = {topic: event for topic, event in EVENTS.items() if topic not in MADE_BY_CLIENTS}
    only_asked = REPLIES.keys() | {topic_of(reply) for reply in REPLIES.values()} - PUBLISHED_REPLIES
    facts = {topic: event for topic, event in travelling.items() if topic not in only_asked}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": TITLE,
            "version": CONTRACT_VERSION,
            "description": "Events and requests of an Undercroft runtime. Facts travel over the feed, "
            "requests and replies over the lane, as bus/PROTOCOL.md describes. The file `runtime.json` of "
            "the running app holds endpoints and keys.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": CONTENT_TYPE,
        "channels": {topic: _channel(topic, event) for topic, event in travelling.items()},
        "operations": {
            **{f"publish_{_identifier(topic)}": _send(topic, event) for topic, event in facts.items()},
            **{
                f"answer_{_identifier(topic)}": _answer(topic, travelling[topic], reply)
                for topic, reply in REPLIES.items()
            },
        },
        "components": {
            "messages": {event.__name__: _message(topic, event) for topic, event in travelling.items()},
            "schemas": _definitions("#/components/schemas/{name}", documents),
        },
    }


def rendered(document: Json) -> str:
    """The text of a document as it stands in its file."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def described(text: str) -> tuple[str, dict[str, str]]:
    """Split a docstring into its summary and the descriptions of the fields in its `Attributes:`."""
    summary, *rest = _ATTRIBUTES.split(inspect.cleandoc(text), maxsplit=1)
    fields = {
        name: " ".join(found["text"].split())
        for found in _ATTRIBUTE.finditer(rest[0] if rest else "")
        for name in found["names"].split(", ")
    }
    return summary.strip(), fields


def _definitions(reference: str, documents: Iterable[type[msgspec.Struct]]) -> Json:
    _, definitions = msgspec.json.schema_components([*EVENTS.values(), *documents], ref_template=reference)
    for definition in definitions.values():
        summary, fields = described(definition.get("description", ""))
        definition["description"] = summary
        for name, text in fields.items():
            if name in definition["properties"]:
                definition["properties"][name] = {"description": text, **definition["properties"][name]}
    for topic, event in EVENTS.items():
        definition = definitions[event.__name__]
        definition["properties"]["type"] = {"const": topic}
        definition["x-topic"] = topic
        if topic in REPLIES:
            definition["x-reply"] = REPLIES[topic].__name__
        if event.retained_by is not None:
            definition["x-retained-by"] = event.retained_by
    return dict(sorted(definitions.items()))


def _channel(topic: str, event: type[Event]) -> Json:
    message = {event.__name__: {"$ref": f"#/components/messages/{event.__name__}"}}
    return {"address": topic, "messages": message, "tags": [{"name": topic.partition(".")[0]}]}


def _message(topic: str, event: type[Event]) -> Json:
    summary, _ = described(event.__doc__ or "")
    retained = {} if event.retained_by is None else {"x-retained-by": event.retained_by}
    return {
        "name": topic,
        "title": event.__name__,
        "summary": summary,
        "contentType": CONTENT_TYPE,
        "payload": {"$ref": f"#/components/schemas/{event.__name__}"},
        **retained,
    }


def _send(topic: str, event: type[Event]) -> Json:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{topic}"},
        "messages": [_message_of_channel(topic, event)],
    }


def _answer(topic: str, request: type[Event], reply: type[Event]) -> Json:
    answered = topic_of(reply)
    return {
        "action": "receive",
        "channel": {"$ref": f"#/channels/{topic}"},
        "messages": [_message_of_channel(topic, request)],
        "reply": {
            "channel": {"$ref": f"#/channels/{answered}"},
            "messages": [_message_of_channel(answered, reply)],
        },
    }


def _message_of_channel(topic: str, event: type[Event]) -> Json:
    return {"$ref": f"#/channels/{topic}/messages/{event.__name__}"}


def _identifier(topic: str) -> str:
    return topic.replace(".", "_")
