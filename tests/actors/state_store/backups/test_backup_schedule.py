"""When something is due: only if something changed, and also after the clock was set back."""

from __future__ import annotations

import pytest

from actors.state_store.backups.backup_schedule import (
    HOUR_SECONDS,
    NewestBackup,
    is_check_due,
    is_due,
    is_stale,
)

NOW = 1_000_000_000.0


@pytest.mark.parametrize(
    ("newest", "revision", "expected"),
    [
        (None, 0, False),
        (None, 1, True),
        (NewestBackup(NOW - 25 * HOUR_SECONDS, 5), 5, False),
        (NewestBackup(NOW - 25 * HOUR_SECONDS, 5), 6, True),
        (NewestBackup(NOW - 23 * HOUR_SECONDS, 5), 6, False),
        (NewestBackup(NOW + 40 * HOUR_SECONDS, 5), 6, True),
        (NewestBackup(NOW + 60, 5), 6, False),
    ],
)
def test_a_backup_is_due_if_something_changed_since_one_that_is_old_or_of_a_future_that_never_came(
    newest: NewestBackup | None, revision: int, expected: bool
) -> None:
    assert is_due(newest, revision, NOW, 24.0) is expected


def test_nothing_is_due_where_it_is_switched_off() -> None:
    assert not is_due(None, 1, NOW, 0.0)
    assert not is_stale(None, 1, NOW, 0.0, 0.0)
    assert not is_check_due(0.0, 0.0, NOW, 0.0, 0.0)


def test_a_backup_is_stale_after_two_intervals_with_changes() -> None:
    assert not is_stale(NewestBackup(NOW - 47 * HOUR_SECONDS, 5), 6, NOW, 24.0, 0.0)
    assert is_stale(NewestBackup(NOW - 48 * HOUR_SECONDS, 5), 6, NOW, 24.0, 0.0)
    assert not is_stale(NewestBackup(NOW - 99 * HOUR_SECONDS, 6), 6, NOW, 24.0, 0.0), "nothing changed"
    assert is_stale(None, 1, NOW, 24.0, NOW - 48 * HOUR_SECONDS)
    assert not is_stale(None, 1, NOW, 24.0, NOW - 47 * HOUR_SECONDS)


def test_everything_is_checked_at_idle_only() -> None:
    day = 24 * HOUR_SECONDS
    assert is_check_due(NOW - day, NOW - 60, NOW, 24.0, 60.0)
    assert not is_check_due(NOW - day, NOW - 59, NOW, 24.0, 60.0)
    assert not is_check_due(NOW - day + 1, NOW - 60, NOW, 24.0, 60.0)
