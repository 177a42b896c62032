"""Bodies are refused with a reason, and the worst of them cost no memory beyond their own."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus import wire
from bus.errors import ProtocolError
from bus.wire.bodies import array_length, check_event, check_events

COST_LIMIT_BYTES = 64 * 1024
"""More than any check may take besides the body itself."""


def array(count: int) -> bytes:
    return b"\xdd" + count.to_bytes(4, "big")


ROOM = wire.BODY_LIMIT_BYTES - 16
WORST_BODIES: dict[str, tuple[int, Callable[[], bytes]]] = {
    "fifteen million nils": (15 * 2**20, lambda: array(15 * 2**20) + b"\xc0" * (15 * 2**20)),
    "nils within one event": (1, lambda: b"\x91" + array(ROOM) + b"\xc0" * ROOM),
    "empty maps within one event": (1, lambda: b"\x91" + array(ROOM) + b"\x80" * ROOM),
    "tiny texts within one event": (1, lambda: b"\x91" + array(ROOM // 2) + b"\xa1a" * (ROOM // 2)),
    "arrays in arrays": (1, lambda: b"\x91" + array(ROOM // 501) + (b"\x91" * 500 + b"\xc0") * (ROOM // 501)),
    "as many events as a run may hold": (65_536, lambda: array(65_536) + b"\x80" * 65_536),
    "nesting without an end": (1, lambda: b"\x91" * ROOM),
    "a map that lies about its size": (1, lambda: b"\x91\xdf\xff\xff\xff\xff" + b"\xa0" * ROOM),
    "a text that lies about its size": (1, lambda: b"\x91\xdb\xff\xff\xff\xff" + b"a" * ROOM),
    "an array that lies about its size": (2**32 - 1, lambda: b"\xdd\xff\xff\xff\xff"),
}


def cost_of(check: Callable[[], None]) -> int:
    """Most memory that a check held at a time."""
    tracemalloc.start()
    try:
        check()
    except ProtocolError:
        pass
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return peak


@pytest.mark.parametrize("name", WORST_BODIES)
def test_the_worst_body_costs_no_objects(name: str) -> None:
    count, make = WORST_BODIES[name]
    body = make()
    assert cost_of(lambda: check_events(body, count)) < COST_LIMIT_BYTES
    event = b"\x81\xa4type" + body
    assert cost_of(lambda: check_event(event)) < COST_LIMIT_BYTES


@pytest.mark.parametrize(
    ("body", "count", "reason"),
    [
        (b"\x91\x80", 2, "miscounted"),
        (b"\x91\x80", 0, "miscounted"),
        (b"\xdc\x00\x01\x80", 2, "miscounted"),
        (array(1) + b"\x80", 2, "miscounted"),
        (array(65_537) + b"\x80" * 65_537, 65_537, "oversize"),
        (b"\x90", 2**64 - 1, "oversize"),
        (b"\x92\x80", 2, "malformed"),
        (b"\x80", 1, "malformed"),
        (b"\xc1", 1, "malformed"),
        (b"", 0, "malformed"),
        (b"\xdc\x00", 0, "malformed"),
        (b"\xdd\x00\x00\x00", 0, "malformed"),
        (b"\x91\x80\x00", 1, "malformed"),
        (b"\x91" * 100_000, 1, "malformed"),
    ],
)
def test_bodies_are_checked_for_well_formed_events(body: bytes, count: int, reason: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        check_events(body, count)
    assert caught.value.reason == reason


@pytest.mark.parametrize("body", [b"", b"\x90", b"\xc0", b"\x81", b"\x81\x01\xc0", b"\x80\x80"])
def test_what_is_no_map_is_no_event(body: bytes) -> None:
    with pytest.raises(ProtocolError) as caught:
        check_event(body)
    assert caught.value.reason == "malformed"


def test_a_body_beyond_the_frame_limit_is_refused() -> None:
    body = bytes(wire.BODY_LIMIT_BYTES + 1)
    for check in (lambda: check_events(body, 1), lambda: check_event(body)):
        with pytest.raises(ProtocolError) as caught:
            check()
        assert caught.value.reason == "oversize"


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(st.lists(st.dictionaries(st.text(), PLAIN, max_size=3), max_size=20))
def test_every_run_of_events_passes_and_its_length_is_read_from_its_head(
    events: list[dict[str, Any]],
) -> None:
    body = msgspec.msgpack.encode(events)
    assert array_length(body) == len(events)
    check_events(body, len(events))
    for event in events:
        check_event(msgspec.msgpack.encode(event))


@given(st.binary(max_size=64), st.integers(0, 2**64))
def test_random_bodies_never_raise_anything_but_a_protocol_error(body: bytes, count: int) -> None:
    for check in (lambda: check_events(body, count), lambda: check_event(body)):
        try:
            check()
        except ProtocolError:
            continue
