"""Pace: what is durable when, what can be trusted after a kill or a power cut, and how often people are told."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.model_downloader.transfer import flush_policy
from actors.model_downloader.transfer.flush_policy import (
    Progress,
    missing_bytes,
    must_wait,
    resume_position,
    sync_due,
)

SIZES = st.integers(0, 10**12)


def test_nothing_pending_is_never_due() -> None:
    assert not sync_due(0, 1e9, strict=True)


def test_due_by_time_or_by_bytes_and_sooner_where_a_kill_counts() -> None:
    assert sync_due(1, flush_policy.SYNC_INTERVAL_SECONDS, strict=False)
    assert sync_due(flush_policy.SYNC_STEP_BYTES, 0.0, strict=False)
    assert not sync_due(flush_policy.STRICT_LAG_BYTES, 0.0, strict=False)
    assert sync_due(flush_policy.STRICT_LAG_BYTES // 2, 0.0, strict=True)


@given(pending=SIZES, strict=st.booleans())
def test_writer_that_waits_always_waits_for_a_sync_that_is_due(pending: int, strict: bool) -> None:
    if must_wait(pending, strict):
        assert sync_due(pending, 0.0, strict)


@pytest.mark.requirement("C-4")
def test_kill_takes_nothing_and_a_power_cut_only_what_was_not_durable() -> None:
    assert resume_position(100, 150, 200, same_boot=True) == 150
    assert resume_position(100, 150, 200, same_boot=False) == 100


def test_file_that_is_not_the_one_that_was_left_is_not_built_upon() -> None:
    assert resume_position(100, 99, 200, same_boot=True) == 0
    assert resume_position(100, 201, 200, same_boot=True) == 0


@given(journaled=SIZES, found=SIZES, size=SIZES, same_boot=st.booleans())
def test_position_lies_within_what_is_there(journaled: int, found: int, size: int, same_boot: bool) -> None:
    assert 0 <= resume_position(journaled, found, size, same_boot) <= min(found, size)


@pytest.mark.requirement("S1-32")
def test_space_that_is_missing_is_counted_with_some_to_spare() -> None:
    assert missing_bytes(100, 100 + flush_policy.SPARE_BYTES) == 0
    assert missing_bytes(100, 60 + flush_policy.SPARE_BYTES) == 40
    assert missing_bytes(0, 0) == 0


@given(st.lists(st.tuples(st.floats(0, 0.5), st.integers(0, 1000)), max_size=60))
def test_progress_is_told_at_most_ten_times_a_second_and_never_goes_back(
    steps: list[tuple[float, int]],
) -> None:
    progress, now, durable = Progress(0, 10**6, 0.0), 0.0, 0
    told: list[tuple[float, int]] = []
    for elapsed, gained in steps:
        now, durable = now + elapsed, durable + gained
        if progress.due(durable, now):
            told.append((now, progress.durable_bytes))
    for (earlier_at, earlier), (later_at, later) in itertools.pairwise(told):
        assert later_at - earlier_at >= flush_policy.PROGRESS_INTERVAL_SECONDS
        assert later > earlier


def test_rate_is_that_of_the_last_seconds_and_gives_the_time_left() -> None:
    progress = Progress(0, 1000, 0.0)
    assert progress.rate_bytes_per_second == 0
    assert progress.seconds_left is None
    for second in range(1, 11):
        progress.due(second * 10 if second <= 5 else 50 + (second - 5) * 100, float(second))
    assert progress.rate_bytes_per_second == pytest.approx(100)
    assert progress.seconds_left == pytest.approx(4.5)
