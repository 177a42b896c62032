"""Sizes, durations and moments in words for people. Pure, except for the time zone."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Final, TypeAlias

UNITS: Final = ("B", "kB", "MB", "GB", "TB")
Calendar: TypeAlias = Callable[[float], time.struct_time]
DURATION_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))


def size_text(size_bytes: float, *, rounded_up: bool = False) -> str:
    """A number of bytes in its largest decimal unit, as disks and downloads are sold and shown.

    Args:
        size_bytes: zero or more.
        rounded_up: never say less than it is, for room that has to be freed.
    """
    amount, at = float(size_bytes), 0
    while at < len(UNITS) - 1 and amount >= (999.9 if rounded_up else 999.95):
        amount, at = amount / 1000, at + 1
    if at == 0:
        return f"{math.ceil(amount) if rounded_up else amount:.0f} {UNITS[at]}"
    if rounded_up:
        tenths = -(-math.ceil(size_bytes) * 10 // 1000**at)  # in whole numbers: 1.1 * 10 is more than 11
        return f"{tenths // 10}.{tenths % 10} {UNITS[at]}"
    return f"{amount:.1f} {UNITS[at]}"


def duration_text(seconds: float) -> str:
    """A duration in whole numbers of its largest unit, such as `3h`; below a second `now`."""
    if not math.isfinite(seconds):
        return "?"
    for unit_seconds, unit in DURATION_UNITS:
        if seconds >= unit_seconds:
            return f"{int(seconds // unit_seconds)}{unit}"
    return "now"


def local_time(at: float, form: str = "%Y-%m-%d %H:%M:%S", *, milliseconds: bool = False) -> str:
    """A moment in local time. One that no calendar has is shown as seconds, such as `@1e+18`.

    Args:
        at: seconds since the Unix epoch; from another process, it may be any number.
        form: of `time.strftime`.
        milliseconds: append them.
    """
    return _moment(at, form, time.localtime, milliseconds)


def utc_time(at: float, form: str = "%Y-%m-%d %H:%M UTC") -> str:
    """The same in UTC."""
    return _moment(at, form, time.gmtime, False)


def _moment(at: float, form: str, calendar: Calendar, milliseconds: bool) -> str:
    try:
        shown = time.strftime(form, calendar(at))
    except (OverflowError, OSError, ValueError):
        return f"@{at:g}"
    return f"{shown}.{int(at % 1 * 1000):03d}" if milliseconds else shown
