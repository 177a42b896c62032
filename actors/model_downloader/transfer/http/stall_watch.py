"""Finds a body that drips. Pure: is handed the times."""

from __future__ import annotations

from actors.model_downloader.transfer.http.fetch_failure import BodyStalled

STALL_LEAST_BYTES = 1024
"""Less than this within the time of a stall counts as one: a drip would hold a download for ever."""


class StallWatch:
    """Counts the time that is spent waiting for bytes, not the time in which they are written."""

    def __init__(self, stall_seconds: float) -> None:
        self._stall_seconds = stall_seconds
        self._waited_seconds = 0.0
        self._bytes = 0

    def received(self, count: int, seconds: float) -> None:
        """Note that bytes came after waiting so many seconds.

        Raises:
            BodyStalled: hardly any came within the time of a stall.
        """
        self._waited_seconds += seconds
        self._bytes += count
        if self._waited_seconds < self._stall_seconds:
            return
        if self._bytes < STALL_LEAST_BYTES:
            raise BodyStalled(f"only {self._bytes} bytes came in {self._waited_seconds:.0f} s")
        self._waited_seconds, self._bytes = 0.0, 0
