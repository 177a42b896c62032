"""Two records are two peers, even if every field is equal."""

from __future__ import annotations

from bus.broker.membership.peer_record import PeerRecord


def test_two_lives_of_one_name_are_two_peers() -> None:
    one, other = PeerRecord(b"r", "name", "instance"), PeerRecord(b"r", "name", "instance")
    assert one != other
    assert len({id(one.services), id(other.services)}) == 2
    assert (one.in_hand, one.asked, one.unconfirmed_runs) == (set(), {}, 0)
