"""Decides when bytes are brought to the platters, when progress is told, and whether the disk is large enough. Pure."""

from __future__ import annotations

from collections import deque

PROGRESS_INTERVAL_SECONDS = 0.1
SYNC_INTERVAL_SECONDS = 0.1
SYNC_STEP_BYTES = 16 * 1024 * 1024
STRICT_LAG_BYTES = 1024 * 1024
LAG_BYTES = 64 * 1024 * 1024
RATE_WINDOW_SECONDS = 5.0
SPARE_BYTES = 32 * 1024 * 1024
"""What a download leaves free, so that settings and journals can still be written."""


def sync_due(pending_bytes: int, elapsed_seconds: float, strict: bool) -> bool:
    """Whether written bytes should be made durable now.

    Args:
        pending_bytes: written, not yet durable.
        elapsed_seconds: since the last time.
        strict: a kill takes what is not durable, since it cannot be told from a power cut afterwards.
    """
    if pending_bytes <= 0:
        return False
    return elapsed_seconds >= SYNC_INTERVAL_SECONDS or pending_bytes >= (
        STRICT_LAG_BYTES // 2 if strict else SYNC_STEP_BYTES
    )


def must_wait(pending_bytes: int, strict: bool) -> bool:
    """Whether the writer has to wait for the disk: bounds what a power cut (strict: any kill) can take away."""
    return pending_bytes >= (STRICT_LAG_BYTES if strict else LAG_BYTES)


def resume_position(journaled_bytes: int, found_bytes: int, size_bytes: int, same_boot: bool) -> int:
    """From where on a file has to be fetched again.

    Bytes that the journal counts were on the platters. Bytes beyond are in the file as they were written if
    the machine ran on since: only a power cut takes away what the kernel had. A file that is shorter than its
    journal, or
    longer than promised, is not the one that was left: nothing of it is used.
    """
    if found_bytes < journaled_bytes or found_bytes > size_bytes:
        return 0
    return found_bytes if same_boot else journaled_bytes


def missing_bytes(needed_bytes: int, free_bytes: int) -> int:
    """How much more space it takes to hold so many further bytes; 0 if there is enough."""
    return max(0, needed_bytes + SPARE_BYTES - free_bytes) if needed_bytes else 0


class Progress:
    """What a person sees of a download: at most ten a second, never going back within an attempt."""

    def __init__(self, durable_bytes: int, size_bytes: int, now: float) -> None:
        self._size_bytes = size_bytes
        self._told_at: float | None = None
        self._told_bytes = durable_bytes
        self._samples: deque[tuple[float, int]] = deque([(now, durable_bytes)])

    def due(self, durable_bytes: int, now: float) -> bool:
        """Whether to tell of so many durable bytes now; if so, it counts as told."""
        if durable_bytes <= self._told_bytes and self._told_at is not None:
            return False
        if self._told_at is not None and now - self._told_at < PROGRESS_INTERVAL_SECONDS:
            return False
        self._told_at, self._told_bytes = now, max(durable_bytes, self._told_bytes)
        self._samples.append((now, self._told_bytes))
        while len(self._samples) > 2 and now - self._samples[1][0] >= RATE_WINDOW_SECONDS:
            self._samples.popleft()
        return True

    @property
    def durable_bytes(self) -> int:
        """What was last told."""
        return self._told_bytes

    @property
    def rate_bytes_per_second(self) -> float:
        """Mean over the last seconds; 0 while nothing is known."""
        (first_at, first_bytes), (last_at, last_bytes) = self._samples[0], self._samples[-1]
        return (last_bytes - first_bytes) / (last_at - first_at) if last_at > first_at else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Until all bytes are there at this rate; None while the rate is not known."""
        rate = self.rate_bytes_per_second
        return (self._size_bytes - self._told_bytes) / rate if rate > 0 else None
