"""An event type says all about itself: its topic, its reply, what is retained."""

from __future__ import annotations

from typing import ClassVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.config import RuntimeConfigRequestEvent, RuntimeConfigResponseEvent, SettingsChangedEvent
from schemas.event import ONE_PER_TOPIC, Event, Request, is_topic, reply_type_of, retained_key_of, topic_of


class ThingEvent(Event, frozen=True, kw_only=True, tag="app.thing"):
    retained_by: ClassVar[str | None] = "id"

    id: int


def test_the_tag_is_the_topic() -> None:
    assert topic_of(SettingsChangedEvent) == "config.settings_changed"
    assert msgspec.json.decode(msgspec.json.encode(ThingEvent(id=1))) == {"type": "app.thing", "id": 1}


def test_a_type_without_a_topic_of_its_own_is_refused() -> None:
    class NamelessEvent(Event, frozen=True, kw_only=True):
        pass

    class LoudEvent(Event, frozen=True, kw_only=True, tag="LOUD"):
        pass

    for event_type in (NamelessEvent, LoudEvent):
        with pytest.raises(TypeError, match="expected a topic"):
            topic_of(event_type)


def test_a_request_declares_its_reply() -> None:
    assert reply_type_of(RuntimeConfigRequestEvent) is RuntimeConfigResponseEvent


def test_a_request_without_a_reply_is_refused() -> None:
    class IdleRequestEvent(Request, frozen=True, kw_only=True, tag="app.idle"):  # type: ignore[type-arg]  # that is the mistake
        pass

    with pytest.raises(TypeError, match="declares no reply"):
        reply_type_of(IdleRequestEvent)


def test_what_is_retained_is_told_apart_by_a_field_or_by_the_topic_alone() -> None:
    assert retained_key_of(ThingEvent(id=7)) == "7"
    assert SettingsChangedEvent.retained_by == ONE_PER_TOPIC
    assert retained_key_of(SettingsChangedEvent(changed={}, settings={}, revision=1, reason="start")) == ""
    assert retained_key_of(RuntimeConfigResponseEvent(success=True, message="", settings={})) is None


def test_events_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        ThingEvent(id=1).id = 2  # type: ignore[misc]  # that is the point


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("a.b", True),
        ("a.b.c_1", True),
        ("a", False),
        ("a.", False),
        ("A.b", False),
        ("a.1", False),
        ("a..b", False),
        ("a." + "b" * 127, False),
        ("a.b\n", False),
    ],
)
def test_topics_have_a_shape(text: str, is_one: bool) -> None:
    assert is_topic(text) is is_one


@given(st.text())
def test_any_text_is_a_topic_or_is_not(text: str) -> None:
    assert is_topic(text) in (True, False)
