"""A peer record is one peer, not a value."""

from __future__ import annotations

from bus.peers import PeerRecord


def test_two_records_of_the_same_words_are_two_peers() -> None:
    first, second = (PeerRecord(b"route", "app", "instance") for _ in range(2))
    assert first != second
    first.in_hand.add(1)
    assert not second.in_hand
