"""Headers are arrays that may grow, and an older reader ignores what came later."""

from __future__ import annotations

import msgspec
import pytest

from bus import wire
from bus.errors import ProtocolError


def test_a_header_may_grow_and_is_still_read() -> None:
    frames = [b"PING", msgspec.msgpack.encode([3, "from a later version"])]
    assert wire.read_from_peer(frames) == wire.PingHeader(3)


def test_fields_that_came_later_have_defaults() -> None:
    frames = [b"BYE", msgspec.msgpack.encode([])]
    assert wire.read_from_peer(frames) == wire.ByeHeader(returning=False)


@pytest.mark.parametrize(
    "header",
    [
        wire.HelloHeader(2, "n" * 65, "instance", "token"),
        wire.HelloHeader(2, "name", "short", "token"),
        wire.PublishHeader(1, "a." + "b" * 127, 1, 1),
        wire.RequestHeader(1, "a.b", 86_400_001),
        wire.SnapshotHeader(1, ["*"] * (wire.PATTERN_LIMIT + 1)),
    ],
)
def test_a_header_beyond_its_limits_is_refused(header: wire.LaneHeader) -> None:
    with pytest.raises(ProtocolError) as caught:
        wire.read_from_peer(wire.lane_frames(header))  # type: ignore[arg-type]  # no frame here is a bytearray
    assert caught.value.reason == "malformed"
