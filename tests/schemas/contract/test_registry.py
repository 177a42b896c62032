"""Every event of the contract has one topic, a name that ends in Event, and fields that may grow."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Annotated, Any, get_args, get_origin

import msgspec
import pytest

import schemas
from schemas.config import RuntimeConfigRequestEvent, SettingsChangedEvent
from schemas.contract import registry
from schemas.event import Event, Request, topic_of
from schemas.manifest import FilePromise, ModelEntry


@pytest.mark.requirement("C-2", "C-3")
@pytest.mark.parametrize("event_type", registry.EVENTS.values(), ids=lambda event_type: event_type.__name__)
def test_every_event_is_a_frozen_struct_named_event_with_a_sentence_about_it(event_type: type[Event]) -> None:
    assert event_type.__name__.endswith("Event")
    assert event_type.__struct_config__.frozen
    assert event_type.__doc__
    assert (
        event_type.retained_by is None
        or event_type.retained_by == ""
        or event_type.retained_by in event_type.__struct_fields__
    )


@pytest.mark.requirement("C-3")
def test_the_two_events_of_the_design_have_their_names() -> None:
    assert registry.EVENTS["config.request"] is RuntimeConfigRequestEvent
    assert registry.EVENTS["config.settings_changed"] is SettingsChangedEvent


def test_no_topic_is_declared_twice() -> None:
    declared = [
        topic_of(event)
        for name in registry.CONVERSATIONS
        for event in registry._events_of(importlib.import_module(name))
    ]
    assert len(declared) == len(set(declared)) == len(registry.EVENTS)


def test_every_module_that_declares_an_event_is_a_conversation() -> None:
    modules = [found.name for found in pkgutil.walk_packages(schemas.__path__, "schemas.")]
    declaring = {
        name
        for name in modules
        if any(event not in (Event, Request) for event in registry._events_of(importlib.import_module(name)))
    }
    assert declaring == set(registry.CONVERSATIONS)


def test_every_request_names_a_reply_of_the_contract() -> None:
    assert registry.REQUESTS
    for topic, request in registry.REQUESTS.items():
        assert issubclass(request, Request)
        assert topic_of(registry.REPLIES[topic]) in registry.EVENTS


PROMISE = FilePromise(path="a.bin", size_bytes=3, sha256="0" * 64, urls=["https://example.org/a.bin"])
ENTRY = ModelEntry(id="tiny", name="Tiny", category="stt", licence="MIT", files=[PROMISE])


def sample(kind: Any) -> Any:
    """The smallest value of a type."""
    if get_origin(kind) is Annotated:
        plain, *limits = get_args(kind)
        return (
            [sample(get_args(plain)[0])]
            if any(getattr(limit, "min_length", None) for limit in limits) and get_origin(plain) is list
            else sample(plain)
        )
    if kind is ModelEntry:
        return ENTRY
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return kind(
            **{field.name: sample(field.type) for field in msgspec.structs.fields(kind) if field.required}
        )
    if values := [value for value in get_args(kind) if isinstance(value, str)]:
        return values[0]
    return {str: "x", int: 1, float: 1.0, bool: True, list: [], dict: {}}.get(
        getattr(kind, "__origin__", kind)
    )


@pytest.mark.parametrize("event_type", registry.EVENTS.values(), ids=lambda event_type: event_type.__name__)
def test_every_event_survives_the_wire(event_type: type[Event]) -> None:
    event = sample(event_type)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(event), type=event_type) == event


@pytest.mark.parametrize("event_type", registry.EVENTS.values(), ids=lambda event_type: event_type.__name__)
def test_an_event_of_a_later_version_with_more_fields_is_still_read(event_type: type[Event]) -> None:
    event = sample(event_type)
    grown = {**msgspec.to_builtins(event), "from_a_later_version": 1}
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(grown), type=event_type) == event
