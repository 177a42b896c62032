"""Decides when written bytes are flushed to the disk, and when the writers wait for that. Pure."""

from __future__ import annotations

SYNC_INTERVAL_SECONDS = 0.1
SYNC_STEP_BYTES = 16 * 1024 * 1024
STRICT_LAG_BYTES = 1024 * 1024
LAG_BYTES = 64 * 1024 * 1024


def sync_due(pending_bytes: int, elapsed_seconds: float, strict: bool) -> bool:
    """Whether to make written bytes durable now.

    Args:
        pending_bytes: written, and not durable yet.
        elapsed_seconds: since the last sync.
        strict: a kill loses what is not durable, since the platform cannot tell a kill from a power cut.
    """
    if pending_bytes <= 0:
        return False
    step_bytes = STRICT_LAG_BYTES // 2 if strict else SYNC_STEP_BYTES
    return elapsed_seconds >= SYNC_INTERVAL_SECONDS or pending_bytes >= step_bytes


def must_wait(pending_bytes: int, strict: bool) -> bool:
    """Whether writers wait for the disk. Bounds what a power cut (strict: any kill) can lose."""
    return pending_bytes >= (STRICT_LAG_BYTES if strict else LAG_BYTES)
