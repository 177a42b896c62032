"""Who is admitted, and who leaves for it."""

from __future__ import annotations

from bus import wire
from bus.broker.peer_registry import Joined, Left, PeerRegistry


def hello(name: str, instance: str = "instance") -> wire.HelloHeader:
    return wire.HelloHeader(wire.PROTOCOL_VERSION, name, instance, "token")


def test_a_name_and_its_connection_are_found_until_the_peer_leaves() -> None:
    registry = PeerRegistry("token", lambda route: True)
    [joined] = registry.hello(b"route", hello("tray"))
    assert isinstance(joined, Joined)
    assert registry.by_name == {"tray": joined.peer}
    assert registry.by_route == {b"route": joined.peer}
    left = registry.leave(joined.peer, returning=False, said_bye=True)
    assert left == Left(joined.peer, returning=False, said_bye=True)
    assert not registry.by_name
    assert not registry.by_route
