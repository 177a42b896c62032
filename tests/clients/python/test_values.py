"""What may stand in an event: the table of the protocol page, value by value."""

from __future__ import annotations

import datetime
import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from undercroft_client.event import Event
from undercroft_client.values import (
    DEPTH_LIMIT,
    EVENT_LIMIT_BYTES,
    Unreadable,
    Unsendable,
    read_event,
    split_run,
    write_event,
)


class NotedEvent(Event, frozen=True, kw_only=True, tag="app.noted"):
    line: int
    more: Any = None


def nested(levels: int) -> Any:
    value: Any = []
    for _ in range(levels - 1):
        value = [value]
    return value


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


@given(st.dictionaries(st.text(), values))
def test_what_may_stand_in_an_event_arrives_as_it_was_sent(event: dict[str, Any]) -> None:
    assert read_event(write_event(event)) == event


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, 2**53 + 1, -(2**63), 2**64 - 1, b"\x00\xff"]
)
def test_numbers_and_bytes_are_exact(value: Any) -> None:
    found = read_event(write_event({"value": value}))["value"]
    assert repr(found) == repr(value)


@pytest.mark.parametrize(
    "value",
    [
        2**64,
        "\ud800",
        {1: 2},
        {None: 2},
        [{"deep": {True: 1}}],
        msgspec.msgpack.Ext(1, b""),
        datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
        object(),
        nested(DEPTH_LIMIT),
    ],
)
def test_what_no_client_could_read_is_not_sent(value: Any) -> None:
    for event in ({"type": "app.n", "value": value}, NotedEvent(line=1, more=value)):
        with pytest.raises(Unsendable) as refused:
            write_event(event)
        assert refused.value.reason == "unsendable"


def test_nesting_down_to_the_limit_is_sent() -> None:
    assert read_event(write_event({"value": nested(DEPTH_LIMIT - 1)}))


def test_the_largest_event_fits_into_a_frame_and_one_byte_more_does_not() -> None:
    head = len(write_event({"filler": bytes(70_000)})) - 70_000
    assert len(write_event({"filler": bytes(EVENT_LIMIT_BYTES - head)})) == EVENT_LIMIT_BYTES
    with pytest.raises(Unsendable) as refused:
        write_event({"filler": bytes(EVENT_LIMIT_BYTES - head + 1)})
    assert refused.value.reason == "oversize"


@pytest.mark.parametrize(
    "body",
    [
        "07",
        "c0",
        "a161",
        "9161",
        "81a161d6ff00000001",
        "81a161d40100",
        "81c30a",
        "81a1618101c0",
        "81a161a2ff00",
        "81a2ff0001",
        "8191c001",
        "81818001",
        "81a161c1",
        "81a161",
        "81a16101c0",
        "d7ffffffffffffffffff",
        "",
    ],
)
def test_what_is_no_event_is_unreadable(body: str) -> None:
    with pytest.raises(Unreadable):
        read_event(bytes.fromhex(body))


@given(st.binary(max_size=64))
def test_no_bytes_raise_anything_but_unreadable(body: bytes) -> None:
    for given_body in (body, b"\x81\xa1a" + body):
        try:
            assert isinstance(read_event(given_body), dict)
        except Unreadable:
            continue


def test_of_equal_keys_the_last_one_counts_and_proto_is_a_key_like_any_other() -> None:
    assert read_event(bytes.fromhex("82a16e01a16e02")) == {"n": 2}
    assert read_event(write_event({"__proto__": {"x": 1}})) == {"__proto__": {"x": 1}}


def test_a_typed_event_is_read_as_its_type_and_one_that_does_not_fit_is_unreadable() -> None:
    event = NotedEvent(line=7, more={"a": [b"\x00", 1.5]})
    assert read_event(write_event(event), NotedEvent) == event
    with pytest.raises(Unreadable, match="line"):
        read_event(write_event({"type": "app.noted", "line": "seven"}), NotedEvent)
    with pytest.raises(Unreadable, match="extension"):
        read_event(bytes.fromhex("83a474797065a96170702e6e6f746564a46c696e6501a46d6f7265d40100"), NotedEvent)


@pytest.mark.parametrize(
    ("body", "count"), [("c1", 1), ("91", 1), ("80", 0), ("9101", 2), ("920102", 1), ("", 0)]
)
def test_a_body_that_is_no_run_of_so_many_values_is_none(body: str, count: int) -> None:
    assert split_run(bytes.fromhex(body), count) is None


def test_the_values_of_a_run_are_found() -> None:
    found = split_run(bytes.fromhex("93c001a0"), 3)
    assert found is not None
    assert [bytes(value).hex() for value in found] == ["c0", "01", "a0"]
