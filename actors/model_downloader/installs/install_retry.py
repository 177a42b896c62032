"""Decides whether and when an install is tried again. Pure: is handed time and chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from actors.model_downloader.transfer.http.fetch_failure import FailureKind
from actors.shared.http.answers.field_values import read_retry_after

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
    demanded = (read_retry_after(retry_after, now) if retry_after else None) or 0.0
    if demanded > RETRY_AFTER_LIMIT_SECONDS:
        return GiveUpInstall(f"the server asks to wait {demanded / 3600:.1f} hours")
    return RetryInstall(max(backoff_seconds(failures, random_unit), demanded), failures)


def backoff_seconds(failures: int, random_unit: float) -> float:
    """Pause after so many failures: doubles from one second to thirty; its upper half is random."""
    full = min(BACKOFF_CAP_SECONDS, BACKOFF_BASE_SECONDS * 2.0 ** min(failures - 1, 10))
    return full * (0.5 + 0.5 * random_unit)
