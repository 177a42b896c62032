"""A token bucket: decides how long a stream waits, so that all streams together keep a rate. Pure."""

from __future__ import annotations

BURST_SECONDS = 0.25


class TokenBucket:
    """Tokens are bytes. They come at the rate, and at most a quarter of a second's worth is saved up.

    Attributes:
        rate: bytes a second; 0 for no limit.
    """

    def __init__(self, rate: int, now: float) -> None:
        self.rate = rate
        self._tokens = 0.0
        self._at = now

    def spend(self, count: int, now: float) -> float:
        """Take tokens for bytes that were received; returns how many seconds to wait before the next ones."""
        if not self.rate:
            self._tokens, self._at = 0.0, now
            return 0.0
        self._refill(now)
        self._tokens -= count
        return max(0.0, -self._tokens / self.rate)

    def change(self, rate: int, now: float) -> None:
        """Keep another rate from now on. Forgets what was overdrawn: a tiny rate would take for ever."""
        self._refill(now)
        self.rate = rate
        self._tokens = 0.0

    def _refill(self, now: float) -> None:
        if self.rate:
            self._tokens = min(self._tokens + max(0.0, now - self._at) * self.rate, self.rate * BURST_SECONDS)
        self._at = now
