"""The page that others write clients from tells the truth, and broken frames are refused with a reason."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus import wire
from bus.errors import ProtocolError
from schemas.contract.registry import EVENTS

PROTOCOL = Path(wire.__file__).parents[1] / "PROTOCOL.md"


def golden() -> dict[str, tuple[str, list[bytes]]]:
    """Messages of PROTOCOL.md: name to direction and frames."""
    block = re.search(r"```golden\n(.*?)```", PROTOCOL.read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    messages: dict[str, tuple[str, list[bytes]]] = {}
    name = ""
    for line in block[1].splitlines():
        if line.startswith("  "):
            messages[name][1].append(bytes.fromhex(line))
        else:
            name, direction = line.removesuffix(")").split(" (")
            messages[name] = (direction, [])
    return messages


GOLDEN = golden()
LANE = {name: message for name, message in GOLDEN.items() if not name.startswith("feed")}


@pytest.mark.requirement("C-2", "C-6")
@pytest.mark.parametrize("name", LANE)
def test_every_golden_lane_message_reads_and_writes_the_same_frames(name: str) -> None:
    direction, frames = LANE[name]
    if direction in ("peer to broker", "both ways"):
        header = wire.read_from_peer(frames)
        assert wire.lane_frames(header, *frames[2:]) == frames
    if direction in ("broker to peer", "both ways"):
        header = wire.read_from_broker(frames)
        assert wire.lane_frames(header, *frames[2:]) == frames


def test_the_page_shows_a_golden_message_for_every_verb() -> None:
    assert {frames[0] for _, frames in LANE.values()} == set(wire.VERB_OF.values())


@pytest.mark.requirement("C-5")
def test_golden_feed_message_holds_typed_events() -> None:
    topic, header, body = GOLDEN["feed"][1]
    run = wire.read_run(header)
    assert wire.encode(run) == header
    wire.check_events(body, run.count)
    (event,) = msgspec.msgpack.decode(body, type=list[EVENTS[topic.decode()]])  # type: ignore[misc]  # looked up at runtime
    assert event.changed == {"vad.sensitivity": 0.5}


def test_golden_heartbeat_carries_the_heads() -> None:
    topic, header, body = GOLDEN["feed_heartbeat"][1]
    assert topic == wire.HEARTBEAT_TOPIC
    assert wire.read_heartbeat(header, body)[1] == {"config.settings_changed": 3}
    assert GOLDEN["feed_welcome"][1] == [wire.WELCOME_FRAME]


@pytest.mark.parametrize(
    ("frames", "reason"),
    [
        ([], "truncated"),
        ([b"HELLO"], "truncated"),
        ([b"SHOUT", b"\x90"], "wrong_verb"),
        ([b"WELCOME", b"\x94\x01\xa1e\x00\x00"], "wrong_verb"),
        ([b"HELLO", b"\x94\x01"], "malformed"),
        ([b"PUBLISH", msgspec.msgpack.encode([0, "a.b", 1, 1])], "malformed"),
        ([b"REQUEST", msgspec.msgpack.encode([1, "a.b", "soon"])], "malformed"),
        ([b"PING", b"\xda\xff\xff" + b"x" * 0xFFFF], "oversize"),
    ],
)
def test_broken_lane_messages_are_refused_with_a_reason(frames: list[bytes], reason: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        wire.read_from_peer(frames)
    assert caught.value.reason == reason


@given(st.lists(st.binary(max_size=64), max_size=5))
def test_random_frames_never_raise_anything_but_a_protocol_error(frames: list[bytes]) -> None:
    for read in (wire.read_from_peer, wire.read_from_broker):
        try:
            read(frames)
        except ProtocolError:
            continue


@given(st.sampled_from(sorted(LANE)), st.data())
def test_a_flipped_byte_in_a_header_is_read_or_refused_but_never_crashes(
    name: str, data: st.DataObject
) -> None:
    frames = list(LANE[name][1])
    place = data.draw(st.integers(0, len(frames[1]) - 1))
    frames[1] = frames[1][:place] + bytes([data.draw(st.integers(0, 255))]) + frames[1][place + 1 :]
    with contextlib.suppress(ProtocolError):
        wire.read_from_peer(frames)


@pytest.mark.parametrize(
    ("header", "reference"), [([7, "x"], 7), (["x"], 0), ([-1], 0), ([2**63], 0), ([], 0), ({"a": 1}, 0)]
)
def test_the_reference_of_a_message_is_read_even_if_the_rest_makes_no_sense(
    header: object, reference: int
) -> None:
    assert wire.reference_of([b"FAILED", msgspec.msgpack.encode(header)]) == reference


def test_a_message_without_a_header_has_no_reference() -> None:
    assert wire.reference_of([b"FAILED"]) == 0
    assert wire.reference_of([b"FAILED", b"\xc1"]) == 0
