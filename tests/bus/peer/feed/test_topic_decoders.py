"""Events are read as their types where those are known, and nothing that a body holds raises anything."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus import wire
from bus.peer.feed.topic_decoders import TopicDecoders, patterns_of
from schemas.config import SettingsChangedEvent
from tests.support.event_samples import NumberedEvent

TIMESTAMP = msgspec.msgpack.encode(msgspec.msgpack.Ext(-1, bytes(4)))
NOT_FOR_EVERYBODY = {
    "a number as a key": b"\x81\x01\x02",
    "true as a key": b"\x81\xc3\x02",
    "an array as a key": b"\x81\x91\x01\x02",
    "an extension": b"\x81\xa1a" + msgspec.msgpack.encode(msgspec.msgpack.Ext(5, b"x")),
    "a timestamp": b"\x81\xa1a" + TIMESTAMP,
    "text that is no UTF-8": b"\x81\xa1a\xa2\xff\xfe",
    "no map": b"\x01",
    "nested too deep": b"\x81\xa1a" * 65 + b"\x01",
    "such a key further in": b"\x81\xa1a\x91\x81\x01\x02",
}


def test_the_contract_types_what_nobody_declared_and_the_rest_stays_plain() -> None:
    decoders = TopicDecoders()
    settings = SettingsChangedEvent(changed={}, settings={}, revision=1, reason="start")
    assert decoders.read("config.settings_changed", wire.encode([settings]), 1, 0)[0] == [settings]
    plain = wire.encode([{"type": "app.x", "n": 1}])
    assert decoders.read("app.x", plain, 1, 0)[0] == [{"type": "app.x", "n": 1}]
    decoders.learn(NumberedEvent)
    numbered = wire.encode([NumberedEvent(n=n) for n in range(3)])
    assert decoders.read("app.numbered", numbered, 3, 1)[0] == [NumberedEvent(n=1), NumberedEvent(n=2)]


@pytest.mark.requirement("C-5")
@pytest.mark.parametrize("broken", NOT_FOR_EVERYBODY.values(), ids=NOT_FOR_EVERYBODY)
def test_what_some_client_could_not_read_is_read_by_none_and_its_neighbours_are(broken: bytes) -> None:
    good = wire.encode({"type": "app.x"})
    found, is_readable = TopicDecoders().read("app.x", b"\x93" + good + broken + good, 3, 0)
    assert not is_readable
    assert found == [{"type": "app.x"}, None, {"type": "app.x"}]


@pytest.mark.parametrize("held", [b"\x81\x01\x02", TIMESTAMP])
def test_a_typed_event_that_holds_anything_is_held_to_the_same(held: bytes) -> None:
    settings = SettingsChangedEvent(changed={}, settings={"a": "HERE"}, revision=1, reason="start")
    body = wire.encode([settings, settings]).replace(b"\xa4HERE", held, 1)
    assert TopicDecoders().read("config.settings_changed", body, 2, 0)[0] == [None, settings]


@pytest.mark.parametrize(
    "value",
    [2**64 - 1, -(2**63), 2**53 + 1, float("inf"), b"\x00\xff", None, {"__proto__": {"x": 1}}, [[]] * 3],
)
def test_what_every_client_reads_arrives_as_it_was(value: Any) -> None:
    event = {"type": "app.x", "value": value}
    assert TopicDecoders().read("app.x", wire.encode([event]), 1, 0)[0] == [event]


def test_the_last_of_equal_keys_counts() -> None:
    assert TopicDecoders().read("app.x", b"\x91\x82\xa1a\x01\xa1a\x02", 1, 0)[0] == [{"a": 2}]


def test_of_a_body_that_cannot_be_read_at_all_every_event_is_missing() -> None:
    endless = b"\x93" + b"\x91" * 100_000 + b"\x01\x01\x01"
    for body in (b"\xc1", b"", endless):
        assert TopicDecoders().read("app.x", body, 3, 1)[0] == [None, None]


@given(st.binary(max_size=200), st.integers(0, 4))
def test_no_body_raises(body: bytes, skip: int) -> None:
    decoders = TopicDecoders()
    for topic in ("app.x", "config.settings_changed", "models.state_changed"):
        decoders.read(topic, body, 4, skip)


def test_patterns_are_those_of_types_and_those_given() -> None:
    learned: list[Any] = []
    assert patterns_of([NumberedEvent, "models.*"], learned.append) == ["app.numbered", "models.*"]
    assert learned == [NumberedEvent]
