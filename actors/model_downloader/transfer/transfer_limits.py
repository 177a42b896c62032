"""What all streams share: how many there may be, and the rate of all together. Follows the settings while it is under way."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

from actors.model_downloader.transfer.cancel_token import CancelToken
from actors.model_downloader.transfer.token_bucket import TokenBucket

STREAMS_MOST = 8
KIB = 1024


class TransferLimits:
    """Shared by all installs; safe to use from several threads.

    Attributes:
        most: streams at once, over all installs.
        mirror_url: base of a mirror that is tried before the URLs of the manifest; empty for none.
        keep_days: for how many days a partial that nobody wants is kept; 0 for ever.
        offline: whether no origin may be asked.
    """

    def __init__(self, most: int = STREAMS_MOST, rate_bytes_per_second: int = 0) -> None:
        self.most = most
        self.mirror_url = ""
        self.keep_days = 0
        self.offline = False
        self._streams = 0
        self._bucket = TokenBucket(rate_bytes_per_second, time.monotonic())
        self._changed = threading.Condition()

    def follow(self, settings: Mapping[str, Any]) -> None:
        """Take over what the section `models` of the settings says; what it leaves out or has no sense keeps its value."""
        section = settings.get("models")
        if not isinstance(section, Mapping):
            return
        with self._changed:
            if (most := section.get("max_streams")) and isinstance(most, int):
                self.most = max(1, most)
            if isinstance(rate := section.get("rate_limit_kib_per_second"), int):
                self._bucket.change(max(0, rate) * KIB, time.monotonic())
            if isinstance(mirror := section.get("mirror_url"), str):
                self.mirror_url = mirror
            if isinstance(days := section.get("partials_keep_days"), int):
                self.keep_days = max(0, days)
            self.offline = section.get("offline") is True
            self._changed.notify_all()

    def enter(self, abort: CancelToken, *, patient: bool) -> bool:
        """Open a stream, if the cap allows; a patient one waits for that. False if it may not."""
        with self._changed:
            while self._streams >= self.most:
                if not patient or abort.is_set:
                    return False
                self._changed.wait(0.1)
            self._streams += 1
            return True

    def leave(self) -> None:
        """A stream has ended."""
        with self._changed:
            self._streams -= 1
            self._changed.notify_all()

    @property
    def is_over(self) -> bool:
        """Whether there are more streams than there may be: one of them should end."""
        with self._changed:
            return self._streams > self.most

    def spend(self, count: int, abort: CancelToken) -> None:
        """So many bytes were received: wait as long as the rate demands."""
        with self._changed:
            seconds = self._bucket.spend(count, time.monotonic())
        if seconds > 0:
            abort.wait(seconds)

    def step_bytes(self, most: int) -> int:
        """How much to read at once, so that a low rate is kept smoothly."""
        rate = self._bucket.rate
        return most if not rate else max(1024, min(most, rate // 8))
