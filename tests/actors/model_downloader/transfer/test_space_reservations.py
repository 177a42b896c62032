"""Parallel installs reserve what they have yet to write, and give it back whatever ends them."""

from __future__ import annotations

import pytest

from actors.model_downloader.transfer.space_reservations import (
    SPARE_BYTES,
    SpaceReservations,
    missing_bytes,
)


@pytest.mark.requirement("S1-32")
def test_space_that_is_missing_is_counted_with_some_to_spare() -> None:
    assert missing_bytes(100, 100 + SPARE_BYTES) == 0
    assert missing_bytes(100, 60 + SPARE_BYTES) == 40
    assert missing_bytes(0, 0) == 0


@pytest.mark.requirement("S1-32")
def test_second_install_must_fit_beside_what_the_first_has_yet_to_write() -> None:
    space = SpaceReservations()
    free = 100 + SPARE_BYTES
    with space.reserve() as first, space.reserve() as second:
        assert first.missing(60, free) == 0
        first.hold(60)
        assert second.missing(60, free) == 20
        first.hold(10)
        assert second.missing(60, free - 50) == 20, (
            "what the first has written counts once: it is gone from both"
        )


def test_own_reservation_does_not_stand_in_the_way() -> None:
    with SpaceReservations().reserve() as mine:
        mine.hold(60)
        assert mine.missing(60, 60 + SPARE_BYTES) == 0
        assert mine.others_bytes == 0


@pytest.mark.parametrize("error", [None, ValueError, KeyboardInterrupt])
def test_install_that_is_over_reserves_nothing_whatever_ended_it(error: type[BaseException] | None) -> None:
    space = SpaceReservations()
    with space.reserve() as other:
        other.hold(5)
        try:
            with space.reserve() as mine:
                mine.hold(60)
                assert (space.reserved_bytes, other.others_bytes) == (65, 60)
                if error is not None:
                    raise error
        except (ValueError, KeyboardInterrupt):
            pass
        assert (space.reserved_bytes, other.others_bytes) == (5, 0)
    assert space.reserved_bytes == 0
