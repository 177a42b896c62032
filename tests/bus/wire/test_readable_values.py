"""What is sent can be read in every language, or is refused where it is sent."""

from __future__ import annotations

import datetime
from typing import Any

import msgspec
import pytest

from bus.errors import ProtocolError
from bus.wire import DEPTH_LIMIT, check_encoded, check_plain_event, encode_checked, is_open
from schemas.config import SettingsChangedEvent
from schemas.contract.registry import EVENTS
from schemas.state import StateSaveRequestEvent
from tests.support.event_samples import NumberedEvent


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"a": value}
    return value


class Tree(msgspec.Struct):
    children: list[Tree]
    note: str = ""


class Dated(msgspec.Struct):
    at: datetime.datetime


class Counted(msgspec.Struct):
    by_number: dict[int, str]


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ([], "found list; expected a map"),
        ({1: 2}, "found key 1; expected text"),
        ({"a": [{None: 2}]}, "found key None; expected text"),
        ({"a": msgspec.msgpack.Ext(1, b"")}, "found Ext"),
        ({"a": datetime.datetime.now(datetime.UTC)}, "found datetime"),
        (nested(DEPTH_LIMIT + 1), "nested deeper than 64"),
    ],
)
def test_what_a_client_could_not_read_is_said_so(value: Any, sentence: str) -> None:
    with pytest.raises(ProtocolError, match=sentence):
        check_plain_event(value)


def test_what_every_client_reads_passes() -> None:
    check_plain_event(nested(DEPTH_LIMIT))
    check_plain_event({"a": [None, True, 1, 2.5, "text", b"bin", {}]})
    check_encoded(encode_checked({"type": "app.x", "__proto__": 2**63}))


@pytest.mark.parametrize("value", [{1: 2}, {"a": {2: 3}}, datetime.datetime.now(datetime.UTC)])
def test_a_typed_event_is_checked_where_its_type_lets_anything_through(value: Any) -> None:
    with pytest.raises(ProtocolError, match="unreadable"):
        encode_checked(StateSaveRequestEvent(key="config.x", value=value))


def test_an_integer_of_more_than_64_bits_cannot_be_sent() -> None:
    with pytest.raises(OverflowError):
        encode_checked({"type": "app.x", "n": 2**64})


def test_only_types_that_let_anything_through_are_checked() -> None:
    assert is_open(SettingsChangedEvent)
    assert is_open(dict)
    assert is_open(Dated)
    assert is_open(Counted)
    assert not is_open(Tree)
    assert not is_open(NumberedEvent)
    assert sum(map(is_open, EVENTS.values())) < len(EVENTS) / 4, "most need no second look"


def test_a_type_whose_annotations_cannot_be_read_is_checked_by_its_values() -> None:
    class Odd(msgspec.Struct):
        one: Missing  # type: ignore[name-defined]  # noqa: F821  # as in an app that imports it for types only

    assert is_open(Odd)
