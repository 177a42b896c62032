"""What is queued leaves once, in order."""

from __future__ import annotations

from bus import wire
from bus.broker.outgoing import Outgoing


def test_what_is_queued_is_taken_once_and_in_order() -> None:
    out = Outgoing()
    assert not out
    out.send(b"a", wire.PingHeader(1))
    out.send(b"b", wire.PingHeader(2), b"body")
    out.on_feed.append((b"app.x", b"", b""))
    assert out
    assert out.take_for_feed() == [(b"app.x", b"", b"")]
    assert [(route, len(frames)) for route, frames in out.take_for_peers()] == [(b"a", 2), (b"b", 3)]
    assert not out
