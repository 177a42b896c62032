"""Makes an event from JSON that a person typed. Pure."""

from __future__ import annotations

import difflib
from typing import Any, Final

import msgspec

from bus.errors import OperatorError
from schemas.contract.registry import EVENTS, REQUESTS
from schemas.event import Event, is_topic

EXPECTED: Final = "expected a JSON object such as '{\"a\": 1}'"


class TypedEventRefused(OperatorError):
    """What a person typed is no event of its topic.

    Attributes:
        topic: of the event.
        detail: what was expected and what was found, with the next step.
    """

    topic: str
    detail: str
    words = "{topic}: {detail}"


def read_fields(topic: str, text: str, *, asks: bool) -> dict[str, Any]:
    """The fields of an event.

    Args:
        topic: of the event.
        text: a JSON object; `type` may be left out.
        asks: it is a request, or else an event to publish.

    Raises:
        TypedEventRefused: it is no object, or the contract has a topic of this name with other fields.
    """
    if not is_topic(topic):
        raise TypedEventRefused(
            topic, "expected a topic such as 'myapp.greet'; 'undercroft topics' lists them"
        )
    try:
        fields = msgspec.json.decode(text or "{}")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise TypedEventRefused(
            topic, f"expected a JSON object such as '{{\"a\": 1}}', found {error}"
        ) from error
    if not isinstance(fields, dict):
        raise TypedEventRefused(topic, f"{EXPECTED}, found {text[:80]}")
    if fields.setdefault("type", topic) != topic:
        raise TypedEventRefused(
            topic, f"expected 'type' to be the topic, or left out; found {fields['type']!r}"
        )
    kind = EVENTS.get(topic)
    if kind is not None:
        _check_kind(topic, asks=asks)
        _check_fields(topic, kind, fields)
    return fields


def event_of(topic: str, fields: dict[str, Any]) -> Event:
    """An event with these fields, of a type that is made for it.

    Raises:
        TypedEventRefused: a field has a name that no event can have.
    """
    names = [name for name in fields if name != "type"]
    rename = {f"field_{number}": name for number, name in enumerate(names)}
    declared = [(attribute, Any) for attribute in rename]
    try:
        kind = msgspec.defstruct(
            "TypedEvent", declared, bases=(Event,), frozen=True, kw_only=True, tag=topic, rename=rename
        )
    except ValueError as error:
        detail = f"a field has a name with a quotation mark, a backslash or a sign that controls: {error}"
        raise TypedEventRefused(topic, detail) from error
    event = kind(**{attribute: fields[name] for attribute, name in rename.items()})
    assert isinstance(event, Event)
    return event


def _check_kind(topic: str, *, asks: bool) -> None:
    if asks and topic not in REQUESTS:
        raise TypedEventRefused(
            topic, f"nobody can be asked this; 'undercroft watch {topic}' shows the events"
        )
    if not asks and topic in REQUESTS:
        raise TypedEventRefused(topic, f"this is a request; ask it with 'undercroft call {topic}'")


def _check_fields(topic: str, kind: type[Event], fields: dict[str, Any]) -> None:
    known = [field.encode_name for field in msgspec.structs.fields(kind)]
    for name in fields:
        if name not in (*known, "type"):
            near = difflib.get_close_matches(name, known, 1)
            advice = f"write {near[0]!r}" if near else f"its fields are {', '.join(known) or 'none'}"
            raise TypedEventRefused(topic, f"there is no field {name!r}; {advice}")
    try:
        msgspec.convert(fields, kind)
    except msgspec.ValidationError as error:
        raise TypedEventRefused(topic, f"{error}; 'undercroft topics {topic}' shows its fields") from error
