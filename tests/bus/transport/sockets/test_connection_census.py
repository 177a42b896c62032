"""Nobody else is let in well before the descriptors run out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.transport.sockets.connection_census import (
    EVENT_SLACK,
    OWN_DESCRIPTORS,
    PATIENCE_SECONDS,
    PEER_LIMIT,
    ConnectionCensus,
)


@pytest.mark.parametrize(
    ("descriptor_limit", "crowded_at", "peer_limit"),
    [
        (65_536, 49_152, PEER_LIMIT),
        (8192, 6144, 2048),
        (4096, 2048, 1024),
        (1024, 512, 256),
        (256, 128, 64),
        (64, 10, 5),
    ],
)
def test_the_limits_follow_from_the_number_of_descriptors(
    descriptor_limit: int, crowded_at: int, peer_limit: int
) -> None:
    census = ConnectionCensus(descriptor_limit)
    assert (census.crowded_at, census.peer_limit) == (crowded_at, peer_limit)
    assert census.is_narrow == (descriptor_limit < 4096)


@given(st.integers(OWN_DESCRIPTORS + 4, 100_000))
def test_there_is_always_room_between_the_limits(descriptor_limit: int) -> None:
    census = ConnectionCensus(descriptor_limit)
    assert 0 < census.roomy_below < census.crowded_at < descriptor_limit - OWN_DESCRIPTORS
    assert census.is_narrow or descriptor_limit - census.crowded_at >= EVENT_SLACK
    assert 1 <= census.peer_limit <= PEER_LIMIT


def test_it_is_crowded_from_one_number_on_and_until_a_lower_one() -> None:
    census = ConnectionCensus(200)
    assert (census.crowded_at, census.roomy_below) == (100, 66)
    for descriptor in range(100):
        assert not census.is_crowded
        census.opened(descriptor, 0.0)
    assert census.is_crowded
    for descriptor in range(99, 65, -1):
        census.closed(descriptor)
        census.closed(descriptor)
        assert census.is_crowded
    census.closed(65)
    assert len(census) == 65
    assert not census.is_crowded


def test_strangers_are_overdue_when_they_have_had_their_time() -> None:
    census = ConnectionCensus(200)
    for descriptor in range(9):
        census.opened(descriptor, 0.0)
    census.opened(9, 1.0)
    assert census.overdue([2, 5, 9, 77], PATIENCE_SECONDS) == [2, 5]
    assert census.overdue([2, 5, 9, 77], PATIENCE_SECONDS + 1) == [2, 5, 9]
    assert census.overdue([2, 5, 9, 77], PATIENCE_SECONDS - 0.1) == []
