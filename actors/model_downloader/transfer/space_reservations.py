"""Decides whether an install fits on the disk beside those that run, which reserve what they need. Pure."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

SPARE_BYTES = 32 * 1024 * 1024
"""What an install leaves free, so that settings and journals can still be written."""


def missing_bytes(needed_bytes: int, free_bytes: int) -> int:
    """How much space is missing to write this many bytes; 0 if there is enough."""
    return max(0, needed_bytes + SPARE_BYTES - free_bytes) if needed_bytes else 0


class SpaceReservation:
    """The share of one install, until it is over."""

    def __init__(self, all_open: list[SpaceReservation]) -> None:
        self._all_open = all_open
        self._needed_bytes = 0

    @property
    def needed_bytes(self) -> int:
        """What the install has yet to write."""
        return self._needed_bytes

    @property
    def others_bytes(self) -> int:
        """What the other installs have yet to write."""
        return sum(one.needed_bytes for one in self._all_open if one is not self)

    def hold(self, needed_bytes: int) -> None:
        """Reserve this many bytes and no others; an install holds less as it writes."""
        self._needed_bytes = max(0, needed_bytes)

    def missing(self, needed_bytes: int, free_bytes: int) -> int:
        """How much space is missing beside what the others reserve; 0 if it fits.

        Args:
            needed_bytes: what this install has yet to write; what it holds does not count against it.
            free_bytes: what the disk has left now.
        """
        return missing_bytes(needed_bytes, free_bytes - self.others_bytes)


class SpaceReservations:
    """What all running installs have yet to write."""

    def __init__(self) -> None:
        self._open: list[SpaceReservation] = []

    @contextlib.contextmanager
    def reserve(self) -> Iterator[SpaceReservation]:
        """Open the reservation of one install. Whatever ends the install, its space is given back."""
        mine = SpaceReservation(self._open)
        self._open.append(mine)
        try:
            yield mine
        finally:
            self._open.remove(mine)

    @property
    def reserved_bytes(self) -> int:
        """Over all installs."""
        return sum(one.needed_bytes for one in self._open)
