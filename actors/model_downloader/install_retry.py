"""Decides whether and when an install is tried again. Pure: is handed the failures, the time and a random number."""

from __future__ import annotations

from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime

from actors.model_downloader.transfer.http.fetch_failure import FailureKind

ATTEMPTS = 3
NETWORK_ATTEMPTS = 4
BACKOFF_BASE_SECONDS = 1.0
BACKOFF_CAP_SECONDS = 30.0
RETRY_AFTER_LIMIT_SECONDS = 3600.0
FRESH_START_BYTES = 64 * 1024 * 1024
"""An attempt that brought so many bytes shows that origin and network are sound: the count begins anew."""


@dataclass(frozen=True)
class Spent:
    """Attempts that failed in a row; none at first."""

    attempts: int = 0


@dataclass(frozen=True)
class Wait:
    """Try again after so many seconds."""

    seconds: float
    spent: Spent


@dataclass(frozen=True)
class Stop:
    """No further attempt until somebody asks for it, or the runtime starts anew."""

    reason: str


def after_failure(
    spent: Spent,
    kind: FailureKind,
    gained_bytes: int,
    random_unit: float,
    retry_after: str | None = None,
    now: float = 0.0,
) -> Wait | Stop:
    """What follows a failed attempt: three attempts in all, four if it was the network; a mismatch never gets more.

    Args:
        spent: failures before this one.
        kind: what failed.
        gained_bytes: bytes that this attempt made durable.
        random_unit: a random number in [0, 1), for the jitter.
        retry_after: what the server sent under that name, if anything: seconds, or a date (RFC 9110 section
            10.2.3).
        now: seconds since the Unix epoch.
    """
    if kind in ("refused", "disk"):
        return Stop("it is not tried again by itself")
    if kind == "network" and gained_bytes >= FRESH_START_BYTES:
        spent = Spent()
    spent = replace(spent, attempts=spent.attempts + 1)
    if spent.attempts >= (NETWORK_ATTEMPTS if kind == "network" else ATTEMPTS):
        return Stop(f"{spent.attempts} attempts failed")
    asked = retry_after_seconds(retry_after, now)
    if asked > RETRY_AFTER_LIMIT_SECONDS:
        return Stop(f"the server asks to wait {asked / 3600:.1f} hours")
    return Wait(max(backoff_seconds(spent.attempts, random_unit), asked), spent)


def backoff_seconds(failures: int, random_unit: float) -> float:
    """Delay after so many failures: doubles from one second to thirty; the upper half of it is random."""
    full = min(BACKOFF_CAP_SECONDS, BACKOFF_BASE_SECONDS * 2.0 ** min(failures - 1, 10))
    return full * (0.5 + 0.5 * random_unit)


def retry_after_seconds(value: str | None, now: float) -> float:
    """Seconds that a `Retry-After` asks for, in either of its forms; 0 if there is none or it cannot be read."""
    if not value:
        return 0.0
    text = value.strip()
    if text.isascii() and text.isdecimal():
        return float(text[:12])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, TypeError, OverflowError):
        return 0.0
