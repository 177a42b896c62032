"""What a peer counted is a plain value that can be compared."""

from __future__ import annotations

from dataclasses import asdict

from bus.peer.peer_statistics import Statistics


def test_counts_are_named_and_compared_by_value() -> None:
    found = Statistics(1, 1, 0, 2, 0, 3, 0, 0, 1, 0, {"truncated": 1})
    assert found == Statistics(**asdict(found))
    assert (found.published, found.delivered, found.lost, found.ignored) == (1, 2, 3, {"truncated": 1})
