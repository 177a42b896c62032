"""Broken messages are answered where an answer is due, under the id that they still show."""

from __future__ import annotations

import tracemalloc

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus import wire
from bus.broker.lane_messages import WITHOUT_ANSWER, body_of, flattened, refusal_of
from bus.errors import ProtocolError

MALFORMED = ProtocolError("malformed", "the header cannot be read")


def test_a_message_has_one_body_frame() -> None:
    assert body_of([b"REPLY", b"\x91\x01", b"body"]) == b"body"
    for frames in ([b"REPLY", b"\x91\x01"], [b"REPLY", b"\x91\x01", b"one", b"two"]):
        with pytest.raises(ProtocolError, match="expected 1") as caught:
            body_of(frames)
        assert caught.value.reason == "truncated"


@pytest.mark.parametrize(
    ("header", "reference"),
    [
        (msgspec.msgpack.encode([7, "of a later version", None]), 7),
        (msgspec.msgpack.encode([0]), 0),
        (msgspec.msgpack.encode([-1]), 0),
        (msgspec.msgpack.encode([2**63]), 0),
        (msgspec.msgpack.encode(["seven"]), 0),
        (msgspec.msgpack.encode([]), 0),
        (b"\xc1", 0),
    ],
)
def test_the_id_of_a_broken_message_is_read_where_there_is_one(header: bytes, reference: int) -> None:
    assert wire.reference_of([b"REQUEST", header]) == reference


def test_the_id_of_a_header_of_many_million_fields_is_read_without_making_them() -> None:
    count = 10_000_000
    header = b"\xdd" + count.to_bytes(4, "big") + b"\x07" + b"\xc0" * (count - 1)
    tracemalloc.start()
    assert wire.reference_of([b"PUBLISH", header]) == 7
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 64 * 1024


def test_a_message_without_a_header_has_no_id() -> None:
    assert wire.reference_of([b"REQUEST"]) == 0


def test_a_refusal_names_verb_id_and_reason() -> None:
    frames = [b"REQUEST", msgspec.msgpack.encode([7])]
    refusal = refusal_of(frames, MALFORMED)
    assert refusal == wire.FailedHeader(7, "invalid", "malformed: the header cannot be read", "REQUEST")
    denied = refusal_of(frames, ProtocolError("wrong_token", "no"))
    assert denied is not None
    assert denied.kind == "refused"


@pytest.mark.parametrize("verb", [*WITHOUT_ANSWER, None])
def test_what_nobody_waits_for_gets_no_answer(verb: bytes | None) -> None:
    assert refusal_of([verb, b"\x91\x01"] if verb else [], MALFORMED) is None


@given(st.lists(st.binary(max_size=64), max_size=4), st.text(max_size=5000))
def test_whatever_was_sent_its_refusal_can_be_sent(frames: list[bytes], detail: str) -> None:
    refusal = refusal_of(frames, ProtocolError("malformed", detail))
    if refusal is not None:
        sent = [bytes(frame) for frame in wire.lane_frames(refusal)]
        assert wire.read_from_broker(sent) == refusal


def test_feed_messages_become_three_frames_each() -> None:
    assert flattened([(b"a", b"1", b"x"), (b"b", b"2", b"y")]) == [b"a", b"1", b"x", b"b", b"2", b"y"]
