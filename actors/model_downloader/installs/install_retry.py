"""Decides whether and when an install is tried again. Pure: is handed time and chance."""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

from actors.model_downloader.transfer.http.fetch_failure import FailureKind

ATTEMPTS: Final = 3
NETWORK_ATTEMPTS: Final = 4
BACKOFF_BASE_SECONDS: Final = 1.0
BACKOFF_CAP_SECONDS: Final = 30.0
RETRY_AFTER_LIMIT_SECONDS: Final = 3600.0
FRESH_START_BYTES: Final = 64 * 1024 * 1024
"""An attempt that brought so many bytes shows that server and network are sound: the count begins anew."""


@dataclass(frozen=True, slots=True)
class RetryInstall:
    """Try again.

    Attributes:
        seconds: pause before that.
        failures: attempts that failed in a row.
    """

    seconds: float
    failures: int


@dataclass(frozen=True, slots=True)
class GiveUpInstall:
    """No further attempt until somebody asks for it, or the runtime starts anew."""

    reason: str


def after_failure(
    failures: int,
    kind: FailureKind,
    gained_bytes: int,
    random_unit: float,
    retry_after: str | None = None,
    now: float = 0.0,
) -> RetryInstall | GiveUpInstall:
    """What follows a failed attempt: three attempts in all, four if it was the network.

    Args:
        failures: attempts that failed in a row before this one.
        kind: what failed.
        gained_bytes: bytes that this attempt made durable.
        random_unit: a random number in [0, 1), for the jitter.
        retry_after: the server's header of that name, if any: seconds, or a date (RFC 9110 section 10.2.3).
        now: seconds since the Unix epoch.
    """
    if kind in ("refused", "disk"):
        return GiveUpInstall("it is not tried again by itself")
    if kind == "network" and gained_bytes >= FRESH_START_BYTES:
        failures = 0
    failures += 1
    if failures >= (NETWORK_ATTEMPTS if kind == "network" else ATTEMPTS):
        return GiveUpInstall(f"{failures} attempts failed")
    demanded = retry_after_seconds(retry_after, now)
    if demanded > RETRY_AFTER_LIMIT_SECONDS:
        return GiveUpInstall(f"the server asks to wait {demanded / 3600:.1f} hours")
    return RetryInstall(max(backoff_seconds(failures, random_unit), demanded), failures)


def backoff_seconds(failures: int, random_unit: float) -> float:
    """Pause after so many failures: doubles from one second to thirty; its upper half is random."""
    full = min(BACKOFF_CAP_SECONDS, BACKOFF_BASE_SECONDS * 2.0 ** min(failures - 1, 10))
    return full * (0.5 + 0.5 * random_unit)


def retry_after_seconds(value: str | None, now: float) -> float:
    """Seconds that a `Retry-After` asks for, in either of its forms; 0 without a readable one."""
    if not value:
        return 0.0
    text = value.strip()
    if text.isascii() and text.isdecimal():
        return float(text[:12])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, TypeError, OverflowError):
        return 0.0
