"""When a backup is due, when one is overdue, and when everything is checked. Pure, and handed the time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

HOUR_SECONDS: Final = 3600.0
STALE_FACTOR: Final = 2.0
"""So many intervals after the newest backup somebody is told, if something changed since."""


@dataclass(frozen=True)
class Newest:
    """The newest good backup; `made_at` in seconds since the Unix epoch, `revision` of the store at that time."""

    made_at: float
    revision: int


def is_due(newest: Newest | None, revision: int, now: float, every_hours: float) -> bool:
    """Whether a backup is to be made: something changed since the newest one, and that is old enough, or made in a future that never came."""
    if every_hours <= 0 or not _changed(newest, revision):
        return False
    return (
        newest is None
        or now - newest.made_at >= every_hours * HOUR_SECONDS
        or newest.made_at > now + HOUR_SECONDS
    )


def is_stale(newest: Newest | None, revision: int, now: float, every_hours: float, changed_at: float) -> bool:
    """Whether the schedule was missed: what changed long ago (`changed_at`, as far as known) is in no backup."""
    if every_hours <= 0 or not _changed(newest, revision):
        return False
    since = max(newest.made_at, 0.0) if newest is not None else changed_at
    return now - since >= STALE_FACTOR * every_hours * HOUR_SECONDS


def is_check_due(
    checked_at: float, written_at: float, now: float, every_hours: float, idle_seconds: float
) -> bool:
    """Whether everything is to be looked at: the last time is long ago, and nobody wrote for a while. Times are of one clock that never goes back."""
    return (
        every_hours > 0
        and now - checked_at >= every_hours * HOUR_SECONDS
        and now - written_at >= idle_seconds
    )


def _changed(newest: Newest | None, revision: int) -> bool:
    return revision > (newest.revision if newest is not None else 0)
