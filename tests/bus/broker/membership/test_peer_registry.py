"""Who is admitted, and who leaves for it."""

from __future__ import annotations

from bus import wire
from bus.broker.membership.peer_registry import Joined, Left, PeerRegistry
from bus.broker.roster import Roster


def hello(name: str, instance: str = "instance") -> wire.HelloHeader:
    return wire.HelloHeader(wire.PROTOCOL_VERSION, name, instance, "token")


def test_a_name_and_its_connection_are_found_until_the_peer_leaves() -> None:
    registry = PeerRegistry("token", Roster(), lambda route: True)
    [joined] = registry.hello(b"route", hello("tray"), 0.0)
    assert isinstance(joined, Joined)
    assert registry.by_name == {"tray": joined.peer}
    assert registry.by_route == {b"route": joined.peer}
    [left] = registry.bye(joined.peer, returning=False)
    assert left == Left(joined.peer, returning=False, said_bye=True)
    assert not registry.by_name
    assert not registry.by_route
