"""When a backup is due, when one is overdue, and when everything is checked. Pure; handed the time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

HOUR_SECONDS: Final = 3600.0
STALE_FACTOR: Final = 2.0
"""How many intervals may pass after the newest backup, if something changed since, before it is stale."""


@dataclass(frozen=True)
class NewestBackup:
    """The newest good backup.

    Attributes:
        made_at: seconds since the Unix epoch.
        revision: of the store at that time.
    """

    made_at: float
    revision: int


def is_due(newest: NewestBackup | None, revision: int, now: float, every_hours: float) -> bool:
    """Whether a backup is due: something changed since the newest one, and that one is old enough.

    A backup from the future, after the clock was set back, counts as old.
    """
    if every_hours <= 0 or not _changed(newest, revision):
        return False
    return (
        newest is None
        or now - newest.made_at >= every_hours * HOUR_SECONDS
        or newest.made_at > now + HOUR_SECONDS
    )


def is_stale(
    newest: NewestBackup | None, revision: int, now: float, every_hours: float, changed_at: float
) -> bool:
    """Whether the schedule was missed: a change is in no backup for longer than two intervals.

    Args:
        newest: the newest backup; None if there is none.
        revision: of the store now.
        now: seconds since the Unix epoch.
        every_hours: the interval; 0 switches the schedule off.
        changed_at: when the first change happened, as far as known; counts if there is no backup.
    """
    if every_hours <= 0 or not _changed(newest, revision):
        return False
    since = max(newest.made_at, 0.0) if newest is not None else changed_at
    return now - since >= STALE_FACTOR * every_hours * HOUR_SECONDS


def is_check_due(
    checked_at: float, written_at: float, now: float, every_hours: float, idle_seconds: float
) -> bool:
    """Whether everything must be checked: the last check is long ago, and nobody wrote for a while."""
    return (
        every_hours > 0
        and now - checked_at >= every_hours * HOUR_SECONDS
        and now - written_at >= idle_seconds
    )


def _changed(newest: NewestBackup | None, revision: int) -> bool:
    return revision > (newest.revision if newest is not None else 0)
