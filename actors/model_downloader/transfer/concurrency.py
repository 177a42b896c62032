"""Decides how many connections are worth having: several times as many while that brings more, and back when it does not. Pure."""

from __future__ import annotations

WINDOW_SECONDS = 0.2
"""The rate is taken over so long, with all connections at work."""

STEP = 4
"""So many times the connections are tried next."""

GROWTH = 1.3
"""They must bring at least so many times the rate, or they are let go again."""

STEADY = 1.25
"""A rate that still grows by more than this from one window to the next, as that of a young connection does, is waited for."""

FAST_BYTES_PER_SECOND = 250_000_000
"""At this rate disk and processor are at their limit: more connections bring nothing."""

WORTH_SECONDS = 1.0
"""What is done within this time is not worth another connection."""

AGAIN_SECONDS = 60.0
"""After so long it is tried again whether more would help."""

SMALL_FILE_BYTES = 4 * 1024 * 1024
SMALL_FILES_CONNECTIONS = 4
"""Many small files spend their time waiting for answers: so many connections from the start."""


class Concurrency:
    """How many connections one download should have.

    Attributes:
        wanted: that many, at most.
    """

    def __init__(self, now: float, most: int, missing_sizes: list[int]) -> None:
        """Args: most: never more than this; missing_sizes: how much is missing of each file."""
        small = sum(size <= SMALL_FILE_BYTES for size in missing_sizes)
        self._most = most
        self.wanted = max(1, min(most, SMALL_FILES_CONNECTIONS, small))
        self._before: tuple[int, float] | None = None
        self._last_rate = 0.0
        self._settled_until = 0.0
        self._window_at, self._window_bytes = now, 0

    def observe(self, now: float, fetched_bytes: int, connections: int, left_bytes: int) -> int:
        """Take note of how much was fetched by now, and say how many connections there should be.

        Args:
            now: seconds on a steady clock.
            fetched_bytes: in all, since the ramp began.
            connections: how many are receiving now.
            left_bytes: how much is missing.
        """
        elapsed = now - self._window_at
        if connections < self.wanted and self._before is not None and elapsed < 2 * WINDOW_SECONDS:
            return self.wanted  # they are not all there yet
        if elapsed < WINDOW_SECONDS:
            return self.wanted
        rate = (fetched_bytes - self._window_bytes) / elapsed
        self._window_at, self._window_bytes = now, fetched_bytes
        still_grows, self._last_rate = rate > self._last_rate * STEADY, rate
        if self._before is not None:
            fewer, earlier_rate = self._before
            self._before = None
            if rate < earlier_rate * GROWTH:
                self.wanted = fewer
                self._settled_until = now + AGAIN_SECONDS
                return self.wanted
            still_grows = False  # it grew because there are more of them
        if now < self._settled_until or self.wanted >= self._most or rate <= 0 or still_grows:
            return self.wanted
        if rate < FAST_BYTES_PER_SECOND and left_bytes / rate > WORTH_SECONDS:
            self._before = (self.wanted, rate)
            self.wanted = min(self._most, self.wanted * STEP)
        return self.wanted

    def failed(self, now: float, connections: int) -> None:
        """A connection failed while others work: those are enough for a while."""
        self._before = None
        self.wanted = max(1, min(self.wanted, connections))
        self._settled_until = now + AGAIN_SECONDS

    def limit(self, most: int) -> None:
        """Never more than so many from now on."""
        self._most = most
        self.wanted = max(1, min(self.wanted, most))
