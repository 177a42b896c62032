"""The limits that all transfers share: the number of streams, and the rate of all of them together."""

from __future__ import annotations

import threading
import time

from actors.model_downloader.transfer.cancel_token import CancelToken
from actors.model_downloader.transfer.token_bucket import TokenBucket

STREAMS_MOST = 8
STREAM_WAIT_SECONDS = 0.1


class TransferLimits:
    """Shared by all installs; safe to use from several threads. May change while transfers run."""

    def __init__(self, most_streams: int = STREAMS_MOST, rate_bytes_per_second: int = 0) -> None:
        self._most_streams = most_streams
        self._streams = 0
        self._bucket = TokenBucket(rate_bytes_per_second, time.monotonic())
        self._changed = threading.Condition()

    @property
    def most_streams(self) -> int:
        """How many streams there may be at once, over all installs."""
        return self._most_streams

    def change(self, most_streams: int, rate_bytes_per_second: int) -> None:
        """Set both limits; a rate of 0 means that there is none."""
        with self._changed:
            self._most_streams = most_streams
            if rate_bytes_per_second != self._bucket.rate:
                self._bucket.change(rate_bytes_per_second, time.monotonic())
            self._changed.notify_all()

    def open_stream(self, token: CancelToken, *, wait: bool) -> bool:
        """Count one stream more if the cap allows it; False if it does not.

        Args:
            token: ends the wait.
            wait: wait until another stream ends, instead of giving up.
        """
        with self._changed:
            while self._streams >= self._most_streams:
                if not wait or token.is_cancelled:
                    return False
                self._changed.wait(STREAM_WAIT_SECONDS)
            self._streams += 1
            return True

    def close_stream(self) -> None:
        """Count one stream less."""
        with self._changed:
            self._streams -= 1
            self._changed.notify_all()

    @property
    def is_over(self) -> bool:
        """Whether there are more streams than there may be, so that one of them should end."""
        with self._changed:
            return self._streams > self._most_streams

    def spend(self, count: int, token: CancelToken) -> None:
        """Account for received bytes: wait as long as the rate demands, or until the token is cancelled."""
        with self._changed:
            seconds = self._bucket.spend(count, time.monotonic())
        if seconds > 0:
            token.wait(seconds)

    def step_bytes(self, most: int) -> int:
        """How much to read at once, so that a low rate is kept smoothly."""
        rate = self._bucket.rate
        return most if not rate else max(1024, min(most, rate // 8))
