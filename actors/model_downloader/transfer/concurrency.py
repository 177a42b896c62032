"""Decides how many connections help: four times as many while that brings more, else back. Pure."""

from __future__ import annotations

WINDOW_SECONDS = 0.2
"""Over this time the rate is taken, with all connections at work."""

STEP = 4
"""This many times the connections are tried next."""

GROWTH = 1.3
"""They must bring at least this many times the rate, or they are dropped again."""

STEADY = 1.25
"""While the rate grows by more than this each window, as that of a young connection does, wait."""

FAST_BYTES_PER_SECOND = 250_000_000
"""At this rate disk and processor are at their limit: more connections bring nothing."""

WORTH_SECONDS = 1.0
"""What is done within this time is not worth another connection."""

AGAIN_SECONDS = 60.0
"""After this time it is tried again whether more connections help."""

SMALL_FILE_BYTES = 4 * 1024 * 1024
SMALL_FILES_CONNECTIONS = 4
"""Many small files spend their time waiting for answers: this many connections from the start."""


class Concurrency:
    """How many connections one attempt should have.

    Attributes:
        wanted: that many, at most.
    """

    def __init__(self, now: float, most: int, missing_bytes: list[int]) -> None:
        """Begin with one connection, or with a few for small files.

        Args:
            now: seconds on a steady clock.
            most: never more than this.
            missing_bytes: how much is missing of each file.
        """
        small = sum(count <= SMALL_FILE_BYTES for count in missing_bytes)
        self._most = most
        self.wanted = max(1, min(most, SMALL_FILES_CONNECTIONS, small))
        self._before: tuple[int, float] | None = None
        self._last_rate = 0.0
        self._settled_until = 0.0
        self._window_at, self._window_bytes = now, 0

    def observe(self, now: float, fetched_bytes: int, connections: int, left_bytes: int) -> int:
        """Note how much was fetched by now; returns how many connections there should be.

        Args:
            now: seconds on a steady clock.
            fetched_bytes: in this attempt.
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
        """Note that a connection failed: those that still work are enough for a while."""
        self._before = None
        self.wanted = max(1, min(self.wanted, connections))
        self._settled_until = now + AGAIN_SECONDS

    def limit(self, most: int) -> None:
        """Never want more than this from now on."""
        self._most = most
        self.wanted = max(1, min(self.wanted, most))
