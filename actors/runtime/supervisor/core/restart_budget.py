"""When an ended child starts again: growing delays, a restart budget, probes behind an open circuit. Pure."""

from __future__ import annotations

from collections import deque
from typing import Final

RESTART_DELAYS_SECONDS: Final = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
PROBE_DELAYS_SECONDS: Final = (30.0, 60.0, 120.0, 300.0)
HEALTHY_SECONDS: Final = 60.0
"""A child that was ready for this long has its earlier failures forgotten."""

JITTER_SHARE: Final = 0.25
"""Up to this share of a delay is cut off at random, so that many children do not return together."""


def restart_delay_seconds(failures: int, jitter: float) -> float:
    """How long to wait before the restart that follows a number of failures in a row.

    Args:
        failures: at least 1; the first restart comes at once.
        jitter: random number in [0, 1).
    """
    return _jittered(RESTART_DELAYS_SECONDS[min(failures, len(RESTART_DELAYS_SECONDS)) - 1], jitter)


def probe_delay_seconds(probes: int, jitter: float) -> float:
    """How long an open circuit waits before it tries the child again.

    Args:
        probes: how many probes have failed.
        jitter: random number in [0, 1).
    """
    return _jittered(PROBE_DELAYS_SECONDS[min(probes, len(PROBE_DELAYS_SECONDS) - 1)], jitter)


def _jittered(delay_seconds: float, jitter: float) -> float:
    return delay_seconds * (1 - JITTER_SHARE * jitter)


class RestartBudget:
    """At most `limit` restarts within any `window_seconds` (OTP: intensity and period)."""

    def __init__(self, limit: int, window_seconds: float) -> None:
        self.limit = limit
        self.window_seconds = window_seconds
        self._spent: deque[float] = deque()

    def spend(self, now: float) -> bool:
        """Take one restart from the budget; False if none is left."""
        while self._spent and self._spent[0] <= now - self.window_seconds:
            self._spent.popleft()
        if len(self._spent) >= self.limit:
            return False
        self._spent.append(now)
        return True

    def refill(self) -> None:
        """Forget what was spent."""
        self._spent.clear()

    def __repr__(self) -> str:
        return f"<RestartBudget {len(self._spent)} of {self.limit} spent in {self.window_seconds:g} s>"
