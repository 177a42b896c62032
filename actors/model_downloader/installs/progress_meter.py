"""Decides when the progress of a download is reported, and measures its rate. Pure: is handed the time."""

from __future__ import annotations

import math
from collections import deque

from schemas.bounds import SECONDS_LIMIT

REPORT_INTERVAL_SECONDS = 0.1
RATE_WINDOW_SECONDS = 5.0


class ProgressMeter:
    """What people see of a download: at most ten reports a second, never going back within an attempt."""

    def __init__(self, durable_bytes: int, size_bytes: int, now: float) -> None:
        self._size_bytes = size_bytes
        self._reported_at: float | None = None
        self._reported_bytes = durable_bytes
        self._samples: deque[tuple[float, int]] = deque([(now, durable_bytes)])

    def due(self, durable_bytes: int, now: float) -> bool:
        """Whether to report this many durable bytes now; if so, they count as reported."""
        if self._reported_at is not None:
            if durable_bytes <= self._reported_bytes:
                return False
            if now - self._reported_at < REPORT_INTERVAL_SECONDS:
                return False
        self._reported_at, self._reported_bytes = now, max(durable_bytes, self._reported_bytes)
        self._samples.append((now, self._reported_bytes))
        while len(self._samples) > 2 and now - self._samples[1][0] >= RATE_WINDOW_SECONDS:
            self._samples.popleft()
        return True

    @property
    def durable_bytes(self) -> int:
        """What was reported last."""
        return self._reported_bytes

    @property
    def rate_bytes_per_second(self) -> float:
        """Mean over the last seconds; 0 while it is unknown."""
        (first_at, first_bytes), (last_at, last_bytes) = self._samples[0], self._samples[-1]
        return (last_bytes - first_bytes) / (last_at - first_at) if last_at > first_at else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Until all bytes are there at this rate; None while it is unknown, or would take centuries."""
        rate = self.rate_bytes_per_second
        left = (self._size_bytes - self._reported_bytes) / rate if rate > 0 else math.inf
        return left if left <= SECONDS_LIMIT else None
