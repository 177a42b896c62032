"""Space: parallel installs reserve what they have yet to write, so that they do not both count on the same bytes."""

from __future__ import annotations

import pytest

from actors.model_downloader.transfer.flush_policy import SPARE_BYTES
from actors.model_downloader.transfer.space_reservations import SpaceReservations


@pytest.mark.requirement("S1-32")
def test_second_install_must_fit_beside_what_the_first_has_yet_to_write() -> None:
    space = SpaceReservations()
    free = 100 + SPARE_BYTES
    assert space.missing("a", 60, free) == 0
    space.reserve("a", 60)
    assert space.missing("b", 60, free) == 20
    space.reserve("a", 10)
    assert space.missing("b", 60, free - 50) == 20, (
        "what the first has written counts once: it is gone from both"
    )


def test_own_reservation_does_not_stand_in_the_way() -> None:
    space = SpaceReservations()
    space.reserve("a", 60)
    assert space.missing("a", 60, 60 + SPARE_BYTES) == 0


def test_install_that_is_over_reserves_nothing() -> None:
    space = SpaceReservations()
    space.reserve("a", 60)
    space.release("a")
    space.release("a")
    assert space.reserved_bytes == 0
