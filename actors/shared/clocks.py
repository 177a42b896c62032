"""Clocks for what must not move when somebody sets the time: leases, timers, ages.

The system's clock says what time it is, and may jump. What is stored (when an entry was made, until when a
lease stands) is in its seconds. What has passed since is measured by a clock that nobody sets, and that goes
on while the machine sleeps.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Final

Clock = Callable[[], float]
STAMPS_LIMIT: Final = 4096


def elapsed_seconds() -> float:
    """Seconds since some moment, which nobody sets; they count while the machine sleeps, too."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    if sys.platform == "darwin":
        return time.clock_gettime(time.CLOCK_MONOTONIC)
    return time.monotonic()


def steady_clock(wall: Clock = time.time, elapsed: Clock = elapsed_seconds) -> Clock:
    """Seconds since the Unix epoch as of now, which advance evenly whatever becomes of the system's clock."""
    began = wall() - elapsed()
    return lambda: began + elapsed()


def elapsed_beside(wall: Clock) -> Clock:
    """What measures the time that passes: beside the system's clock another one, beside a test's itself."""
    return elapsed_seconds if wall is time.time else wall


def careful_clock(wall: Clock = time.time, elapsed: Clock = elapsed_seconds) -> Clock:
    """Seconds since the Unix epoch, never more than have passed: for deleting what is old."""
    steady = steady_clock(wall, elapsed)
    return lambda: min(wall(), steady())


class StampClock:
    """Tells by a clock that nobody sets when something with a stamp of the system's clock happened.

    How old it was when its stamp was first seen, the system's clock has to say. From then on it ages evenly.
    """

    def __init__(self, wall: Clock = time.time, elapsed: Clock = elapsed_seconds) -> None:
        self._wall = wall
        self._steady = steady_clock(wall, elapsed)
        self._seen: dict[float, float] = {}

    def now(self) -> float:
        """The present, for comparison with `at`."""
        return self._steady()

    def at(self, stamp: float) -> float:
        """When that was."""
        if stamp not in self._seen:
            if len(self._seen) >= STAMPS_LIMIT:
                del self._seen[next(iter(self._seen))]
            self._seen[stamp] = self._steady() - (self._wall() - stamp)
        return self._seen[stamp]
