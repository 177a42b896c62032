"""Who is admitted, and who leaves for it."""

from __future__ import annotations

import pytest

from bus import wire
from bus.broker.membership.peer_registry import Joined, Left, PeerRegistry
from bus.broker.roster import Grant, Roster, digest_of
from bus.errors import ProtocolError


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


def test_guests_are_admitted_up_to_a_number_and_peers_of_the_profile_always() -> None:
    grant = Grant(credential_sha256=digest_of("secret of the tray"))
    registry = PeerRegistry("token", Roster(peers={"tray": grant}), lambda route: True, peer_limit=2)
    (first,) = registry.hello(b"a", hello("a"), 0.0)
    registry.hello(b"b", hello("b"), 0.0)
    with pytest.raises(ProtocolError, match="peers_full"):
        registry.hello(b"c", hello("c"), 0.0)
    named = wire.HelloHeader(wire.PROTOCOL_VERSION, "tray", "instance", "secret of the tray")
    assert isinstance(registry.hello(b"tray", named, 0.0)[0], Joined)
    registry.hello(b"a", hello("a"), 0.0)
    assert isinstance(first, Joined)
    registry.bye(first.peer, returning=False)
    registry.gone(b"b")
    assert isinstance(registry.hello(b"c", hello("c"), 0.0)[0], Joined)
